import { type EventEmitter, once } from 'node:events';
import {
  type ChannelOptions,
  Client,
  Metadata,
  type ServiceError,
  connectivityState,
  credentials,
  type CallOptions as NativeCallOptions,
} from '@grpc/grpc-js';
import type { MethodDefinition, ServiceClient, ServiceDefinition } from '@rookery/contracts';
import { callContext } from '@rookery/context';
import type { RookeryError } from '@rookery/errors';
import { REQUEST_ID_HEADER } from '@rookery/observability';
import { fromReceived } from './received-status.js';
import { serviceNameOf } from './target.js';

/** What one call may set. */
export interface CallOptions {
  /** Milliseconds; for streams there is no default. The deadline of the call being served bounds it in any case. */
  timeout?: number;
  /** Cancels the call. Default: the signal of the call being served. */
  signal?: AbortSignal;
  metadata?: Record<string, string>;
}

export interface GrpcClientOptions {
  /** `dns:///user-service:50051`, `127.0.0.1:50051` */
  target: string;
  /** Milliseconds for a unary call that sets none. */
  timeout: number;
}

/** Spread calls over the addresses of a name, find out about dead connections, come back quickly. */
const CHANNEL: ChannelOptions = {
  'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  'grpc.dns_min_time_between_resolutions_ms': 5_000,
};

/** A typed client and its connection. */
export interface GrpcClient<D extends ServiceDefinition> {
  readonly methods: ServiceClient<D, CallOptions>;
  close(): void;
}

/**
 * A client of `service`: promises for one reply, async iterables for many. Each call carries the request id, the trace
 * and what is left of the deadline of the call being served, and ends with it. A failure is rethrown as the error of the
 * catalogue that the server threw.
 */
export function createGrpcClient<D extends ServiceDefinition>(service: D, options: GrpcClientOptions): GrpcClient<D> {
  const channel = new Client(options.target, credentials.createInsecure(), CHANNEL);
  const methods = Object.entries(service.methods).map(([name, definition]) => {
    const method = definition as MethodDefinition;
    return [name, callOf(channel, service, method, options)];
  });
  return { methods: Object.fromEntries(methods) as ServiceClient<D, CallOptions>, close: () => channel.close() };
}

function callOf(channel: Client, service: ServiceDefinition, method: MethodDefinition, { timeout }: GrpcClientOptions) {
  const path = `/${service.fullName}/${method.name}`;
  const rethrown = (error: ServiceError): RookeryError => {
    const connected = channel.getChannel().getConnectivityState(false) === connectivityState.READY;
    return fromReceived(error, serviceNameOf(service), { connected, timeout });
  };
  const serialize = (message: object) =>
    Buffer.from(method.requestType.encode(method.requestType.fromPartial(message)).finish());
  const deserialize = (bytes: Buffer) => method.responseType.decode(bytes);
  const start = (
    request: unknown,
    options: CallOptions,
    done?: (error: ServiceError | null, reply?: unknown) => void,
  ) => {
    const metadata = metadataOf(options);
    const limits = limitsOf(options, method.requestStream || method.responseStream ? undefined : timeout);
    if (!method.requestStream && !method.responseStream) {
      return channel.makeUnaryRequest(path, serialize, deserialize, request as object, metadata, limits, done!);
    }
    if (!method.requestStream) {
      return channel.makeServerStreamRequest(path, serialize, deserialize, request as object, metadata, limits);
    }
    const call = method.responseStream
      ? channel.makeBidiStreamRequest(path, serialize, deserialize, metadata, limits)
      : channel.makeClientStreamRequest(path, serialize, deserialize, metadata, limits, done!);
    const ended = new AbortController();
    call.once('status', () => ended.abort());
    void send(request as AsyncIterable<object>, call, ended.signal);
    return call;
  };
  return method.responseStream
    ? (request: unknown, options: CallOptions = {}) =>
        receive(() => start(request, options) as never, options, rethrown)
    : (request: unknown, options: CallOptions = {}) =>
        single((done) => start(request, options, done), options, rethrown);
}

function metadataOf({ metadata: own = {} }: CallOptions): Metadata {
  const metadata = new Metadata();
  const context = callContext();
  if (context) {
    metadata.set(REQUEST_ID_HEADER, context.requestId);
    if (context.traceparent) metadata.set('traceparent', context.traceparent);
  }
  for (const [key, value] of Object.entries(own)) metadata.set(key, value);
  return metadata;
}

function limitsOf(options: CallOptions, fallback: number | undefined): NativeCallOptions {
  const timeout = options.timeout ?? fallback;
  const outer = callContext()?.deadline ?? Number.POSITIVE_INFINITY;
  const deadline = Math.min(outer, timeout === undefined ? Number.POSITIVE_INFINITY : Date.now() + timeout);
  return Number.isFinite(deadline) ? { deadline } : {};
}

interface Cancellable {
  cancel(): void;
}

/** Cancels `call` when `signal` aborts. @returns what ends that. */
function cancelWith(signal: AbortSignal | undefined, call: Cancellable): () => void {
  const cancel = () => call.cancel();
  if (signal?.aborted) cancel();
  signal?.addEventListener('abort', cancel);
  return () => signal?.removeEventListener('abort', cancel);
}

function signalOf({ signal }: CallOptions): AbortSignal | undefined {
  return signal ?? callContext()?.signal;
}

function single(
  start: (done: (error: ServiceError | null, reply?: unknown) => void) => Cancellable,
  options: CallOptions,
  rethrown: (error: ServiceError) => RookeryError,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let release = () => {};
    const call = start((error, reply) => {
      release();
      if (error) reject(rethrown(error));
      else resolve(reply);
    });
    release = cancelWith(signalOf(options), call);
  });
}

async function* receive(
  start: () => AsyncIterable<unknown> & Cancellable,
  options: CallOptions,
  rethrown: (error: ServiceError) => RookeryError,
): AsyncGenerator<unknown> {
  const call = start();
  const release = cancelWith(signalOf(options), call);
  try {
    yield* call;
  } catch (error) {
    throw isServiceError(error) ? rethrown(error) : error;
  } finally {
    release();
    call.cancel();
  }
}

/** Sends what the caller yields, as fast as the server takes it. When the call ends the caller's source is told. */
async function send(
  requests: AsyncIterable<object> | Iterable<object>,
  call: EventEmitter & Cancellable & { write(message: object): boolean; end(): void },
  ended: AbortSignal,
): Promise<void> {
  const source = Symbol.asyncIterator in requests ? requests[Symbol.asyncIterator]() : requests[Symbol.iterator]();
  const leave = () => void source.return?.();
  ended.addEventListener('abort', leave, { once: true });
  try {
    for (;;) {
      const next = await source.next();
      if (ended.aborted) return;
      if (next.done) return call.end();
      if (!call.write(next.value)) await once(call, 'drain', { signal: ended });
    }
  } catch {
    // Either the call has ended, or the source failed: then there is nothing left to send.
    if (!ended.aborted) call.cancel();
  } finally {
    ended.removeEventListener('abort', leave);
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error;
}
