import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { Environment } from '@rookery/config';
import { ShutdownConfig } from '@rookery/service';
import { ApiRegistry } from './descriptors/registry.js';
import { DocsController } from './docs/docs.controller.js';
import { GatewayConfig } from './gateway.config.js';
import { Upstreams } from './grpc/upstreams.js';
import { OpenApi } from './openapi/document.js';
import { AccessLog } from './rest/access-log.js';
import { OpenStreams } from './rest/open-streams.js';
import { ProblemFilter } from './rest/problem.filter.js';
import { RestHandler } from './rest/rest.handler.js';
import { RestRoutes } from './rest/rest.routes.js';
import { Shutdown } from './rest/shutdown.js';
import { SecurityHeaders } from './security-headers.js';

/** What a gateway is made of. */
export interface GatewayOptions {
  config: GatewayConfig;
  shutdown: ShutdownConfig;
  environment: Environment;
  api: ApiRegistry;
}

/** REST, SSE and their documentation for every annotated RPC of a descriptor set. Needs ObservabilityModule beside it. */
@Module({})
export class GatewayModule {
  static register({ config, shutdown, environment, api }: GatewayOptions): DynamicModule {
    return {
      module: GatewayModule,
      controllers: config.docsEnabled ? [DocsController] : [],
      providers: [
        { provide: GatewayConfig, useValue: config },
        { provide: ShutdownConfig, useValue: shutdown },
        { provide: Environment, useValue: environment },
        { provide: ApiRegistry, useValue: api },
        { provide: APP_FILTER, useClass: ProblemFilter },
        // Before the routes: a scope of Fastify has the hooks that are there when it is made.
        SecurityHeaders,
        RestRoutes,
        RestHandler,
        AccessLog,
        OpenStreams,
        Shutdown,
        Upstreams,
        OpenApi,
      ],
    };
  }
}
