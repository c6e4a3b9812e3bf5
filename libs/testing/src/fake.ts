import { Metadata, type StatusObject } from '@grpc/grpc-js';
import type {
  MessageCodec,
  MethodDefinition,
  RequestOf,
  ResponseOf,
  ServiceClient,
  ServiceDefinition,
} from '@rookery/contracts';
import { Internal, InvalidArgument, Unimplemented, toStatus } from '@rookery/errors';
import { serviceNameOf } from '@rookery/grpc';

/** What a fake sees of a call besides its requests. */
export interface FakeCall {
  readonly metadata: Metadata;
  /** The address of the connection that it came over. */
  readonly peer: string;
  /** Aborts when the caller cancels or its deadline passes. */
  readonly signal: AbortSignal;
  /** What is put in here before the first reply is sent with it. */
  readonly header: Metadata;
  /** What is put in here is sent with the status, when the call succeeds. */
  readonly trailer: Metadata;
}

/** A message of which fields may be missing, as a client's requests may be. */
type Partially<T> = Parameters<
  ServiceClient<{ methods: { it: { requestType: MessageCodec<T>; requestStream: false } } }>['it']
>[0];

type RequestsOf<M> = M extends { requestStream: true } ? AsyncIterable<RequestOf<M>> : RequestOf<M>;

type RepliesOf<M> = M extends { responseStream: true }
  ? AsyncIterable<Partially<ResponseOf<M>>> | Iterable<Partially<ResponseOf<M>>>
  : Partially<ResponseOf<M>> | Promise<Partially<ResponseOf<M>>>;

/** What a fake answers to, method by method; those left out fail with UNIMPLEMENTED. */
export type FakeMethods<D extends ServiceDefinition> = {
  [K in keyof D['methods']]?: (request: RequestsOf<D['methods'][K]>, call: FakeCall) => RepliesOf<D['methods'][K]>;
};

/** A service that a test makes up. */
export interface Fake<D extends ServiceDefinition = ServiceDefinition> {
  readonly service: D;
  readonly methods: FakeMethods<D>;
}

/** A service that a test makes up: for `fakeClient`, `serveFake` and the `clients` of `startTestService`. */
export function fake<D extends ServiceDefinition>(service: D, methods: FakeMethods<D>): Fake<D> {
  return { service, methods };
}

type AnyMethod = (request: unknown, call: FakeCall) => unknown;

/** The replies of the fake to `requests`, in bytes both, so that each message is what it would be on the wire. */
export async function* answer(
  { service, methods }: Fake,
  name: string,
  requests: AsyncIterable<Uint8Array>,
  call: FakeCall,
): AsyncGenerator<Buffer> {
  const definition = service.methods[name]!;
  const method = methods[name] as AnyMethod | undefined;
  if (!method) {
    throw new Unimplemented(`the fake of ${service.fullName} has no ${name}: give it one to answer ${definition.name}`);
  }
  const input = decoded(definition, requests);
  const result = await method.call(methods, definition.requestStream ? input : await only(definition, input), call);
  if (!definition.responseStream) yield encoded(definition, result);
  else for await (const reply of result as AsyncIterable<unknown>) yield encoded(definition, reply);
}

/** The status that stands for what the fake threw, as a service of that name sends it. */
export function statusOf(thrown: unknown, service: ServiceDefinition): StatusObject {
  const { code, message, details } = toStatus(thrown, serviceNameOf(service));
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', details);
  return { code: code as number, details: message, metadata };
}

async function* decoded(
  { requestType }: MethodDefinition,
  requests: AsyncIterable<Uint8Array>,
): AsyncGenerator<unknown> {
  for await (const bytes of requests) yield requestType.decode(bytes);
}

async function only({ name }: MethodDefinition, requests: AsyncIterable<unknown>): Promise<unknown> {
  for await (const request of requests) return request;
  throw new InvalidArgument(`${name} got no request`);
}

function encoded({ name, responseType }: MethodDefinition, reply: unknown): Buffer {
  if (typeof reply !== 'object' || reply === null) {
    throw new Internal('internal error', {
      cause: new TypeError(`the fake's ${name} gave ${String(reply)} as a reply`),
    });
  }
  return Buffer.from(responseType.encode(responseType.fromPartial(reply)).finish());
}
