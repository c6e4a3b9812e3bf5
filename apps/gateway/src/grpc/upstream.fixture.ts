import { type JsonObject, type JsonValue, fromBinary, fromJson, toBinary, toJson } from '@bufbuild/protobuf';
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type MethodDefinition,
  type StatusObject,
  type sendUnaryData,
  Metadata as GrpcMetadata,
} from '@grpc/grpc-js';
import { toStatus } from '@rookery/errors';
import { ApiRegistry } from '../descriptors/registry.js';

/** A call as the service sees it. */
export interface ReceivedCall {
  readonly request: JsonObject;
  readonly metadata: Metadata;
}

/** A server stream as its handler sees it. */
export interface OutgoingStream extends ReceivedCall {
  /** Returns whether more may be sent at once; if not, `drained` says when. */
  send(message: JsonValue): boolean;
  drained(): Promise<void>;
  sendMetadata(): void;
  end(): void;
  fail(error: unknown): void;
  /** Resolves when the caller has cancelled. */
  readonly cancelled: Promise<void>;
}

export type UnaryHandler = (call: ReceivedCall) => JsonValue | Promise<JsonValue>;
export type StreamHandler = (stream: OutgoingStream) => void;

/** A gRPC server that speaks protojson to the spec; it is no Rookery service, so that nothing is shared with one. */
export interface FakeService {
  readonly target: string;
  stop(): void;
  /** Resolves when its clients know that it goes, and have gone. */
  drain(): Promise<void>;
}

/** An error as a Rookery service sends it. */
function statusOf(error: unknown): Partial<StatusObject> {
  const { code, message, details } = toStatus(error, 'fake-service');
  const metadata = new GrpcMetadata();
  metadata.set('grpc-status-details-bin', details);
  return { code: code as number, details: message, metadata };
}

/** Serves `handlers`, by method name, as the service `typeName` of the descriptor set. */
export async function serveFake(
  descriptors: Uint8Array,
  typeName: string,
  handlers: Readonly<Record<string, UnaryHandler | StreamHandler>>,
  address = '127.0.0.1:0',
): Promise<FakeService> {
  const { types } = new ApiRegistry(descriptors);
  const service = types.getService(typeName);
  if (!service) throw new Error(`no service ${typeName}`);
  const json = { registry: types };
  const definition: Record<string, MethodDefinition<JsonValue, JsonValue>> = {};
  const implementation: Record<string, (...parameters: never[]) => void> = {};
  for (const { name, input, output, methodKind } of service.methods) {
    const handler = handlers[name];
    if (!handler) continue;
    definition[name] = {
      path: `/${typeName}/${name}`,
      requestStream: false,
      responseStream: methodKind === 'server_streaming',
      requestDeserialize: (bytes) => toJson(input, fromBinary(input, bytes), json),
      requestSerialize: (message: JsonValue) => Buffer.from(toBinary(input, fromJson(input, message, json))),
      responseSerialize: (message: JsonValue) => Buffer.from(toBinary(output, fromJson(output, message, json))),
      responseDeserialize: (bytes) => toJson(output, fromBinary(output, bytes), json),
    };
    implementation[name] =
      methodKind === 'server_streaming'
        ? (call: ServerWritableStream<JsonObject, JsonValue>) => (handler as StreamHandler)(outgoing(call))
        : (call: ServerUnaryCall<JsonObject, JsonValue>, done: sendUnaryData<JsonValue>) =>
            void answer(handler as UnaryHandler, call, done);
  }
  const server = new Server();
  server.addService(definition, implementation as never);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return {
    target: `127.0.0.1:${port}`,
    stop: () => server.forceShutdown(),
    drain: () => new Promise((resolve) => server.tryShutdown(() => resolve())),
  };
}

async function answer(
  handler: UnaryHandler,
  call: ServerUnaryCall<JsonObject, JsonValue>,
  done: sendUnaryData<JsonValue>,
): Promise<void> {
  try {
    done(null, await handler(call));
  } catch (error) {
    done(statusOf(error));
  }
}

function outgoing(call: ServerWritableStream<JsonObject, JsonValue>): OutgoingStream {
  return {
    request: call.request,
    metadata: call.metadata,
    send: (message) => call.write(message),
    drained: () => new Promise((resolve) => call.once('drain', resolve)),
    sendMetadata: () => call.sendMetadata(new GrpcMetadata()),
    end: () => void call.end(),
    fail: (error) => void call.emit('error', statusOf(error)),
    cancelled: new Promise((resolve) => call.once('cancelled', resolve)),
  };
}
