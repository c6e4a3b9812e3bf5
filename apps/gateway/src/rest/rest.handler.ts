import { Injectable } from '@nestjs/common';
import { type Message, toJson, toJsonString } from '@bufbuild/protobuf';
import { type ServiceError } from '@grpc/grpc-js';
import type { CallContext } from '@rookery/context';
import { Internal, type RookeryError } from '@rookery/errors';
import { Logger } from '@rookery/observability';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { ApiRegistry } from '../descriptors/registry.js';
import { type RestBinding, successStatus } from '../descriptors/rest-binding.js';
import { GatewayConfig } from '../gateway.config.js';
import { requestMetadata } from '../grpc/request-metadata.js';
import { type UpstreamCall } from '../grpc/upstream.js';
import { fromReceived } from '@rookery/grpc';
import { Upstreams } from '../grpc/upstreams.js';
import { bindRequest } from './request-binding.js';
import { OpenStreams } from './open-streams.js';
import { refusalOf } from './problem.js';
import { SseStream } from './sse.js';
import { pathOf } from './url.js';

/** What the router found for a request, and its context, whose signal aborts when the client is gone. */
export interface RestCall {
  readonly binding: RestBinding;
  readonly values: readonly string[];
  readonly context: CallContext;
}

/** Turns a routed HTTP request into an RPC and its reply into an answer. */
@Injectable()
export class RestHandler {
  constructor(
    private readonly api: ApiRegistry,
    private readonly upstreams: Upstreams,
    private readonly config: GatewayConfig,
    private readonly streams: OpenStreams,
    private readonly logger: Logger,
  ) {}

  /** @throws what `refusalOf` knows how to show */
  async handle(
    request: FastifyRequest,
    reply: FastifyReply,
    { binding, values, context }: RestCall,
  ): Promise<FastifyReply> {
    const { path, query } = pathOf(request.raw.url ?? '/');
    const body = Buffer.isBuffer(request.body) ? request.body : undefined;
    const call: UpstreamCall = {
      method: binding.method,
      request: bindRequest(this.api, binding, { values, query, body }),
      metadata: requestMetadata(request.headers, context),
      context,
    };
    if (binding.method.methodKind === 'server_streaming') return this.stream(request, reply, binding, call, path);

    const message = await this.upstreams.of(binding.method.parent).unary(call, this.config.timeout);
    return reply
      .status(successStatus(binding))
      .header('content-type', 'application/json; charset=utf-8')
      .send(this.encode(binding, message));
  }

  private async stream(
    request: FastifyRequest,
    reply: FastifyReply,
    binding: RestBinding,
    call: UpstreamCall,
    path: string,
  ): Promise<FastifyReply> {
    const upstream = this.upstreams.of(binding.method.parent);
    const stream = new SseStream<Message, ServiceError | RookeryError>(upstream.serverStream(call), {
      encode: (message) => this.encode(binding, message),
      translate: (error) => ('details' in error ? fromReceived(error, upstream.name) : error),
      describe: (error) => JSON.stringify(refusalOf(error, path, request.id).problem),
      connected: () => upstream.connected,
    });
    this.streams.add(stream);
    await stream.opened;
    reply.headers({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      // nginx and its like would collect events otherwise.
      'x-accel-buffering': 'no',
    });
    if (request.method !== 'HEAD') return reply.send(stream);
    stream.destroy();
    return reply.send();
  }

  /** @throws {Internal} when the reply has no JSON form, such as an Any of a type that no proto knows */
  private encode({ method, responseField, rpc }: RestBinding, message: Message): string {
    const options = { registry: this.api.types, alwaysEmitImplicit: true };
    try {
      if (!responseField) return toJsonString(method.output, message, options);
      const json = toJson(method.output, message, options) as Record<string, unknown>;
      return JSON.stringify(json[responseField.jsonName] ?? null);
    } catch (error) {
      this.logger.error({ error, rpc }, 'the reply has no JSON form');
      throw new Internal('internal error', { cause: error });
    }
  }
}
