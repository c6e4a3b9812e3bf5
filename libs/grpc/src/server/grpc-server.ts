import type { Writable } from 'node:stream';
import {
  type Metadata,
  Server as NativeServer,
  ServerCredentials,
  logVerbosity,
  setLogVerbosity,
  type ServiceDefinition as NativeServiceDefinition,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import type { MethodDefinition, ServiceDefinition } from '@rookery/contracts';
import { Code } from '@rookery/errors';
import type { CallObserver } from '@rookery/observability';
import { bidiStreaming } from './bidi-streaming.js';
import { clientStreaming } from './client-streaming.js';
import { GRPC_TRANSPORT, type GrpcHandlerExtras, pathOf } from './grpc-controller.decorator.js';
import { type AnyServerCall, RunningCall, codeOf } from './running-call.js';
import { serverStreaming } from './server-streaming.js';
import type { ServedMethod } from './served-method.js';
import { unary } from './unary.js';

/** How the server listens and how it stops. Durations in milliseconds. */
export interface GrpcServerOptions {
  /** The service's name: the domain of its errors. */
  name: string;
  host: string;
  /** 0 takes a free one; `port` of the server tells which. */
  port: number;
  maxMessageBytes: number;
  observer: CallObserver;
  /** Adds what is not a controller, such as health and reflection; gets the full names of the controllers' services. */
  beforeListen?: (server: GrpcServer, services: string[]) => void;
}

// What goes wrong in grpc-js reaches us as errors; it need not write to the terminal as well.
setLogVerbosity(logVerbosity.NONE);

/** How long a stream may go on once the server stops, before its client is told to call again. */
const STREAM_GRACE = 1_000;

type Bytes = (value: Buffer) => Buffer;
const asItIs: Bytes = (value) => value;

/**
 * Nest's transport for gRPC, on grpc-js. Each RPC of a `@GrpcController` is served by the file named after its kind;
 * requests reach them as bytes, so that decoding, validation, errors and metrics are the same for all four.
 */
export class GrpcServer extends Server implements CustomTransportStrategy {
  private readonly native: NativeServer;
  private readonly running = new Map<RunningCall, { stream: boolean }>();
  private readonly foreign = new Set<Writable>();
  private bound = 0;
  private closing: Promise<void> | undefined;

  constructor(private readonly options: GrpcServerOptions) {
    super();
    this.setTransportId(GRPC_TRANSPORT);
    this.native = new NativeServer({
      'grpc.max_receive_message_length': options.maxMessageBytes,
      'grpc.max_send_message_length': -1,
    });
  }

  /** The port it listens on; 0 before. */
  get port(): number {
    return this.bound;
  }

  /** The services that the application's controllers serve. */
  get services(): ServiceDefinition[] {
    return [...new Set(this.handlers().map(({ extras }) => extras.service))];
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
      const handler = implementation[name] as UntypedHandleCall;
      return [name, responseStream ? this.tracked(handler) : handler];
    });
    this.native.addService(
      Object.fromEntries(methods) as NativeServiceDefinition,
      Object.fromEntries(handlers) as UntypedServiceImplementation,
    );
  }

  /** A stream of a foreign service is ended at the stop as well: the server waits for all its calls. */
  private tracked(handler: UntypedHandleCall): UntypedHandleCall {
    return ((call: Writable) => {
      this.foreign.add(call);
      for (const event of ['finish', 'close', 'cancelled']) call.once(event, () => this.foreign.delete(call));
      (handler as (call: Writable) => void)(call);
    }) as UntypedHandleCall;
  }

  /** Called by Nest. The callback gets the error when the port cannot be had. */
  listen(callback: (error?: Error) => void): void {
    try {
      for (const service of this.services) this.serve(service);
      const names = this.services.map(({ fullName }) => fullName);
      this.options.beforeListen?.(this, names);
    } catch (error) {
      return callback(error as Error);
    }
    const address = `${this.options.host.includes(':') ? `[${this.options.host}]` : this.options.host}:${this.options.port}`;
    this.native.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (!error) this.bound = port;
      callback(error ?? undefined);
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
    for (const call of this.running.keys()) call.shutDown();
    this.native.forceShutdown();
  }

  on(): never {
    throw new Error('GrpcServer emits no events; its handlers do');
  }

  /** The grpc-js server. */
  unwrap<T = NativeServer>(): T {
    return this.native as T;
  }

  private async drain(): Promise<void> {
    const streams = setTimeout(() => {
      for (const [call, { stream }] of this.running) if (stream) call.shutDown();
      for (const call of this.foreign) call.end();
    }, STREAM_GRACE);
    await new Promise<void>((resolve) => this.native.tryShutdown(() => resolve()));
    clearTimeout(streams);
  }

  private handlers() {
    return [...this.messageHandlers]
      .map(([path, handle]) => ({ path, handle, extras: handle.extras as unknown as GrpcHandlerExtras }))
      .filter(({ extras }) => extras?.service !== undefined);
  }

  private serve(service: ServiceDefinition): void {
    const definition: Record<string, NativeServiceDefinition[string]> = {};
    const implementation: UntypedServiceImplementation = {};
    for (const { path, handle, extras } of this.handlers()) {
      if (extras.service !== service) continue;
      const { name, requestStream, responseStream } = extras.method;
      definition[name] = {
        path,
        requestStream,
        responseStream,
        requestSerialize: asItIs,
        requestDeserialize: asItIs,
        responseSerialize: asItIs,
        responseDeserialize: asItIs,
      };
      implementation[name] = this.implement(this.method(service, extras.method, handle as never));
    }
    this.native.addService(definition, implementation);
  }

  private implement(method: ServedMethod): UntypedHandleCall {
    const { requestStream, responseStream } = method.definition;
    if (requestStream) return responseStream ? bidiStreaming(method) : clientStreaming(method);
    return responseStream ? serverStreaming(method) : unary(method);
  }

  private method(
    service: ServiceDefinition,
    definition: MethodDefinition,
    handle: (request: unknown, metadata: Metadata, call: AnyServerCall) => Promise<unknown>,
  ): ServedMethod {
    const { observer, name: domain } = this.options;
    const stream = definition.requestStream || definition.responseStream;
    return {
      definition,
      handle,
      domain,
      begin: (call) => {
        const running = new RunningCall(call);
        this.running.set(running, { stream });
        observer.started(service.fullName, definition.name);
        return running;
      },
      finish: (running, error) => {
        this.running.delete(running);
        const code = error === undefined ? Code.OK : codeOf(error);
        const outcome = { service: service.fullName, method: definition.name, code, duration: running.duration, error };
        running.run(async () => observer.ended(outcome));
      },
    };
  }
}
