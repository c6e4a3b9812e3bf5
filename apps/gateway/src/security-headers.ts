import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import { REQUEST_ID_HEADER } from '@rookery/observability';
import { type FastifyInstance } from 'fastify';
import { GatewayConfig } from './gateway.config.js';

/** What browsers are told: helmet's headers on every answer, and which origins' pages may call, when any. */
@Injectable()
export class SecurityHeaders implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost,
    private readonly config: GatewayConfig,
  ) {}

  onModuleInit(): void {
    const fastify = this.host.httpAdapter.getInstance<FastifyInstance>();
    fastify.register(helmet, {
      contentSecurityPolicy: {
        // Whether there is TLS in front is the proxy's business; without it this would break /docs.
        directives: { upgradeInsecureRequests: null },
      },
    });
    const { corsOrigins } = this.config;
    if (corsOrigins.length === 0) return;
    fastify.register(cors, {
      origin: corsOrigins.includes('*') ? '*' : [...corsOrigins],
      methods: ['GET', 'HEAD', 'PUT', 'PATCH', 'POST', 'DELETE'],
      exposedHeaders: [REQUEST_ID_HEADER, 'retry-after'],
    });
  }
}
