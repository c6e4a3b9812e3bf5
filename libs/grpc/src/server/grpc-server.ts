import { EventEmitter } from 'node:events';
import type { Writable } from 'node:stream';
import {
  Server as NativeServer,
  type ServiceDefinition as NativeServiceDefinition,
  type ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
  logVerbosity,
  setLogVerbosity,
} from '@grpc/grpc-js';
import type { INestApplicationContext } from '@nestjs/common';
import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import { runWithContext } from '@rookery/context';
import type { MethodDefinition, ServiceDefinition } from '@rookery/contracts';
import { Unavailable } from '@rookery/errors';
import type { CallObserver } from '@rookery/observability';
import { BidiStreamingCall } from './calls/bidi-streaming.js';
import { ClientStreamingCall } from './calls/client-streaming.js';
import { RunningCalls } from './calls/running-calls.js';
import type { ServedMethod } from './calls/served-method.js';
import type { ServerCall } from './calls/server-call.js';
import { ServerStreamingCall } from './calls/server-streaming.js';
import type { Transport } from './calls/transport.js';
import { UnaryCall } from './calls/unary.js';
import { Connections } from './connections.js';
import { GRPC_TRANSPORT, pathOf } from './grpc-controller.decorator.js';
import { DEFAULT_LIMITS, type GrpcLimits } from './grpc-limits.js';
import { type FoundHandler, Handlers } from './pipeline/handlers.js';
import { type ServerTls, serverCredentials } from './server-tls.js';

/** What the server serves, where it listens and what it allows. */
export interface GrpcServerOptions {
  /** The service's name: the domain of its errors. */
  name: string;
  host: string;
  /** 0 takes a free one; `port` of the server tells which. */
  port: number;
  /** Certificates as PEM; without them the server speaks plain text. */
  tls?: ServerTls;
  /** What differs from `DEFAULT_LIMITS`. */
  limits?: Partial<GrpcLimits>;
  /** Logs and metrics of each call. */
  observer?: CallObserver;
  /**
   * Whether `callContext()` finds the call in all that its handler awaits; default: true. A service needs it: request
   * ids, deadlines and traces travel in it. Without it a handler has what its `@Call()` tells, and Node 20 saves the
   * hooks that it runs for each promise.
   */
  context?: boolean;
  /** Adds what is not a controller, such as health and reflection; gets the full names of the controllers' services. */
  beforeListen?: (server: GrpcServer, services: string[]) => void;
}

type Status = 'listening' | 'closed';
type Events = { [S in Status]: () => void };

// What goes wrong in grpc-js reaches us as errors; it need not write to the terminal as well.
setLogVerbosity(logVerbosity.NONE);

/** How long a stream may go on once the server stops, before its client is told to call again. */
const STREAM_GRACE = 1_000;

const SHUTTING_DOWN = () => new Unavailable('the server is shutting down; call again', { reason: 'SHUTTING_DOWN' });

const CONNECTION_OLD = () =>
  new Unavailable('the connection has reached its age; call again', { reason: 'CONNECTION_OLD' });

type Bytes = (value: Buffer) => Buffer;
const asItIs: Bytes = (value) => value;
const unreachable = () => {
  throw new Error('a call of a served method is taken over before grpc-js runs its handler');
};

/** The class that serves a kind of RPC. */
type KindOfCall = new (method: ServedMethod, transport: Transport) => ServerCall;

function kindOf({ requestStream, responseStream }: MethodDefinition): [KindOfCall, string] {
  if (requestStream) return responseStream ? [BidiStreamingCall, 'bidi'] : [ClientStreamingCall, 'clientStream'];
  return responseStream ? [ServerStreamingCall, 'serverStream'] : [UnaryCall, 'unary'];
}

/**
 * Nest's transport for gRPC, on grpc-js. Each RPC of a `@GrpcController` is served by the file named after its kind.
 * A call is taken over where grpc-js hands it to server interceptors: below its emitters and buffers, above its framing.
 */
export class GrpcServer extends Server<Events, Status> implements CustomTransportStrategy {
  private readonly native: NativeServer;
  private readonly limits: GrpcLimits;
  private readonly connections: Connections;
  private readonly calls = new RunningCalls();
  private readonly routes = new Map<string, { Kind: KindOfCall; method: ServedMethod }>();
  private readonly foreign = new Set<Writable>();
  private readonly events = new EventEmitter();
  private app: INestApplicationContext | undefined;
  private found: readonly FoundHandler[] | undefined;
  private bound = 0;
  private closing: Promise<void> | undefined;

  constructor(private readonly options: GrpcServerOptions) {
    super();
    this.setTransportId(GRPC_TRANSPORT);
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.limits = limits;
    this.connections = new Connections(limits, (session) =>
      this.calls.stop(CONNECTION_OLD(), (call) => call.session === session),
    );
    this.native = new NativeServer({
      'grpc.max_receive_message_length': limits.maxMessageBytes,
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': limits.maxConcurrentStreams,
      'grpc.keepalive_time_ms': limits.keepaliveTime,
      'grpc.keepalive_timeout_ms': limits.keepaliveTimeout,
      // What it counts for each call is in our metrics already.
      'grpc.enable_channelz': 0,
      interceptors: [(definition, transport) => this.takeOver(definition.path, transport)],
    });
  }

  /** The port it listens on; 0 before. */
  get port(): number {
    return this.bound;
  }

  /**
   * Serves the `@GrpcController`s of `app`. Before `listen`, which compiles their handlers; Nest gives a transport no
   * other way to its application.
   */
  attach(app: INestApplicationContext): this {
    this.app = app;
    return this;
  }

  /** The services that the application's controllers serve. */
  get services(): ServiceDefinition[] {
    return [...new Set(this.handlers.map(({ service }) => service))];
  }

  /** Adds a generated service whose implementation speaks grpc-js itself. Before `listen`. */
  addDefinition(service: ServiceDefinition, implementation: UntypedServiceImplementation): void {
    const methods = Object.entries(service.methods).map(([name, definition]) => {
      const { requestType, responseType, requestStream, responseStream } = definition;
      return [
        name,
        {
          path: pathOf(service, definition),
          requestStream,
          responseStream,
          requestSerialize: (message: unknown) => Buffer.from(requestType.encode(message).finish()),
          requestDeserialize: (bytes: Buffer) => requestType.decode(bytes),
          responseSerialize: (message: unknown) => Buffer.from(responseType.encode(message).finish()),
          responseDeserialize: (bytes: Buffer) => responseType.decode(bytes),
        },
      ];
    });
    const handlers = Object.entries(service.methods).map(([name, { responseStream }]) => {
      const handler = implementation[name]!;
      return [name, responseStream ? this.tracked(handler) : handler];
    });
    this.native.addService(
      Object.fromEntries(methods) as NativeServiceDefinition,
      Object.fromEntries(handlers) as UntypedServiceImplementation,
    );
  }

  /** Called by Nest. The callback gets the error when the port cannot be had. */
  listen(callback: (error?: Error) => void): void {
    const { host, port, tls, beforeListen } = this.options;
    let credentials;
    try {
      credentials = serverCredentials(tls);
      for (const handler of this.handlers) this.serve(handler);
      beforeListen?.(
        this,
        this.services.map(({ fullName }) => fullName),
      );
    } catch (error) {
      return callback(error as Error);
    }
    const hostname = host.includes(':') ? `[${host}]` : host;
    this.native.bindAsync(`${hostname}:${port}`, credentials, (error, bound) => {
      if (error) return callback(error);
      this.bound = bound;
      this.connections.watch(this.native);
      this.tell('listening');
      callback();
    });
  }

  /**
   * Accepts no further calls, lets the running ones end, and tells clients of streams that do not end to call again.
   * Unary calls are waited for; `forceClose` ends those as well.
   */
  close(): Promise<void> {
    this.closing ??= this.drain();
    return this.closing;
  }

  /** Ends whatever still runs, at once. */
  forceClose(): void {
    this.calls.stop(SHUTTING_DOWN());
    this.connections.destroy();
    this.native.forceShutdown();
  }

  /** `listening` and `closed`; `status` tells the same, to late subscribers as well. */
  on<E extends Status>(event: E, callback: Events[E]): void {
    this.events.on(event, callback);
  }

  /** The grpc-js server. */
  unwrap<T = NativeServer>(): T {
    return this.native as T;
  }

  private async drain(): Promise<void> {
    const streams = setTimeout(() => {
      this.calls.stop(
        SHUTTING_DOWN(),
        ({ method }) => method.definition.requestStream || method.definition.responseStream,
      );
      for (const call of this.foreign) call.end();
    }, STREAM_GRACE);
    this.native.tryShutdown(() => undefined);
    // Clients that take no status, or send no end, must not hold up the stop.
    const sweeper = setInterval(() => this.calls.sweep(), STREAM_GRACE);
    await this.connections.close();
    clearInterval(sweeper);
    clearTimeout(streams);
    this.tell('closed');
  }

  private tell(status: Status): void {
    this._status$.next(status);
    this.events.emit(status);
  }

  private get handlers(): readonly FoundHandler[] {
    if (!this.app) throw new Error('GrpcServer serves no application: call server.attach(app) before it listens');
    this.found ??= new Handlers(this.app).find();
    return this.found;
  }

  private serve({ service, definition, path, handler }: FoundHandler): void {
    const { name: domain, observer, context = true } = this.options;
    const { maxMetadataBytes, maxBufferedBytes, defaultTimeout } = this.limits;
    const [Kind, type] = kindOf(definition);
    const unary = !definition.requestStream && !definition.responseStream;
    const method: ServedMethod = {
      definition,
      path,
      handler,
      enter: context ? runWithContext : (_call, work, ...args) => work(...args),
      domain,
      calls: this.calls,
      observer: observer?.ofMethod(service.fullName, definition.name),
      defaultTimeout: unary && defaultTimeout > 0 ? defaultTimeout : undefined,
      maxMetadataBytes,
      maxBufferedBytes,
    };
    this.routes.set(path, { Kind, method });
    this.native.register(path, unreachable, asItIs, asItIs, type);
  }

  /** Called by grpc-js for each call, before anything else. What is not a controller's stays with grpc-js. */
  private takeOver(path: string, transport: ServerInterceptingCallInterface): ServerInterceptingCall {
    const route = this.routes.get(path);
    // grpc-js only ever starts what it gets back; its type names the class with which interceptors are usually made.
    return (route
      ? new route.Kind(route.method, transport as Transport)
      : transport) as unknown as ServerInterceptingCall;
  }

  /** A stream of a foreign service is ended at the stop as well: the server waits for all its calls. */
  private tracked(handler: UntypedHandleCall): UntypedHandleCall {
    return ((call: Writable) => {
      this.foreign.add(call);
      for (const event of ['finish', 'close', 'cancelled']) call.once(event, () => this.foreign.delete(call));
      (handler as (call: Writable) => void)(call);
    }) as UntypedHandleCall;
  }
}
