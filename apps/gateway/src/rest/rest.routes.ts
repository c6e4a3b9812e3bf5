import { METHODS } from 'node:http';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { NotFound } from '@rookery/errors';
import { type CallContext, runWithContext } from '@rookery/context';
import { Logger, REQUEST_ID_HEADER, Tracer, traceparentFrom } from '@rookery/observability';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, type HTTPMethods } from 'fastify';
import { ApiRegistry } from '../descriptors/registry.js';
import { type RestBinding } from '../descriptors/rest-binding.js';
import { GatewayConfig } from '../gateway.config.js';
import { Router } from '../routing/router.js';
import { AccessLog } from './access-log.js';
import { HttpError } from './http-error.js';
import { checkBodyHeaders } from './request-body.js';
import { type RestCall, RestHandler } from './rest.handler.js';
import { sendRefusal } from './send-refusal.js';
import { pathOf } from './url.js';

/** Methods whose requests Fastify reads no body of. */
const WITHOUT_BODY = new Set(['GET', 'HEAD', 'TRACE']);

/**
 * Hangs REST into Fastify as one catch-all route, so that Nest's controllers (documentation, health, metrics) keep
 * their paths: Fastify prefers a route that names the path. Everything that can be said without the body is said before
 * it is read.
 */
@Injectable()
export class RestRoutes implements OnModuleInit {
  private readonly router: Router<RestBinding>;
  private readonly calls = new WeakMap<FastifyRequest, RestCall>();

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly config: GatewayConfig,
    private readonly handler: RestHandler,
    private readonly accessLog: AccessLog,
    private readonly logger: Logger,
    private readonly tracer: Tracer,
    api: ApiRegistry,
  ) {
    this.router = new Router(api.bindings);
  }

  onModuleInit(): void {
    const fastify = this.host.httpAdapter.getInstance<FastifyInstance>();
    // Node gives CONNECT to no route; OPTIONS is answered by CORS when that is on.
    const methods = METHODS.filter((method) => method !== 'CONNECT' && !(method === 'OPTIONS' && this.corsIsOn));
    for (const method of methods) {
      if (!fastify.supportedMethods.includes(method)) {
        fastify.addHttpMethod(method as HTTPMethods, { hasBody: !WITHOUT_BODY.has(method) });
      }
    }
    fastify.addHook('onRequest', async (request, reply) => {
      reply.header(REQUEST_ID_HEADER, request.id);
    });
    // A plugin of its own: its parsers, hooks and error handler are not those of Nest's routes.
    fastify.register(async (scope) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
      scope.setErrorHandler((error, request, reply) => sendRefusal(request, reply, error, this.logger));
      scope.addHook('onRequest', (request, reply, done) => this.route(request, reply, done));
      scope.route({
        method: methods as HTTPMethods[],
        url: '/*',
        bodyLimit: this.config.bodyLimit,
        handler: (request, reply) => this.handle(request, reply),
      });
    });
  }

  private get corsIsOn(): boolean {
    return this.config.corsOrigins.length > 0;
  }

  /** Finds the RPC, starts the call's context and refuses what needs no body to be refused. */
  private route(request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void {
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    let found: { binding: RestBinding; values: readonly string[] } | undefined;
    let refusal: Error | undefined;
    try {
      found = this.find(request.method, pathOf(request.raw.url ?? '/').path);
      checkBodyHeaders(found.binding, request.headers);
    } catch (error) {
      refusal = error as Error;
    }
    const route = found?.binding.template.source;
    const context = this.contextOf(request, route, gone.signal);
    this.accessLog.watch(request, reply, route ?? 'unmatched', context);
    if (refusal || !found) return done(refusal);
    this.calls.set(request, { ...found, context });
    runWithContext(context, done);
  }

  /** Where the trace of a request begins, unless its client has begun it. */
  private contextOf(request: FastifyRequest, route: string | undefined, signal: AbortSignal): CallContext {
    const { method, headers, id: requestId } = request;
    const caller = { traceparent: traceparentFrom(headers.traceparent), tracestate: single(headers.tracestate) };
    if (!this.tracer.enabled) return { requestId, signal, ...caller };
    const { path } = pathOf(request.raw.url ?? '/');
    const trace = this.tracer.begin(route ? `${method} ${route}` : method, 'server', caller, {
      'http.request.method': method,
      'http.route': route,
      'url.scheme': 'http',
      'url.path': path,
      'rookery.request_id': requestId,
    });
    return { requestId, signal, ...caller, ...trace };
  }

  private find(verb: string, path: string): { binding: RestBinding; values: readonly string[] } {
    const match = this.router.match(verb, path);
    if (match.kind === 'route') return { binding: match.route, values: match.values };
    if (match.kind === 'none') {
      throw new NotFound(`Nothing is served at ${path}.`, { reason: 'UNKNOWN_PATH' });
    }
    const allow = match.allowed.join(', ');
    throw new HttpError(405, 'METHOD_NOT_ALLOWED', `${path} does not take ${verb}; it takes ${allow}.`, { allow });
  }

  private handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const call = this.calls.get(request);
    if (!call) throw new Error(`${request.method} ${request.raw.url} reached the handler without a route`);
    // A body arrives in no context.
    return runWithContext(call.context, () => this.handler.handle(request, reply, call));
  }
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
