import type { Observable } from 'rxjs';

/** Turns messages of one type into protobuf bytes and back. `$type` is the full name, such as `user.v1.User`. */
export interface MessageCodec<T> {
  readonly $type: string;
  /** Tells its schema from others of the same name, when it is not generated from proto/ (`schemaName`). */
  readonly $fingerprint?: string;
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
  fromPartial(partial: object): T;
}

/** One RPC: its name in the proto, its two codecs, its kind and its options. */
export interface MethodDefinition<Request = unknown, Response = unknown> {
  readonly name: string;
  readonly requestType: MessageCodec<Request>;
  readonly requestStream: boolean;
  readonly responseType: MessageCodec<Response>;
  readonly responseStream: boolean;
  /** `_unknownFields` holds the options of other libraries' extensions, encoded. */
  readonly options: { readonly idempotencyLevel?: 'IDEMPOTENT' | 'NO_SIDE_EFFECTS'; readonly _unknownFields?: object };
}

/** One service of a proto. The keys of `methods` are the names of the controller's methods. */
export interface ServiceDefinition {
  readonly name: string;
  readonly fullName: string;
  readonly methods: Readonly<Record<string, MethodDefinition>>;
}

/** The request message of a method definition. */
export type RequestOf<M> = M extends { requestType: MessageCodec<infer T> } ? T : never;
/** The response message of a method definition. */
export type ResponseOf<M> = M extends { responseType: MessageCodec<infer T> } ? T : never;

type Partially<T> = T extends bigint | Date | Uint8Array | string | number | boolean | undefined
  ? T
  : T extends readonly (infer I)[]
    ? readonly Partially<I>[]
    : { [K in keyof T]?: Partially<T[K]> };

type StreamReply<T> = AsyncIterable<T> | Observable<T> | Promise<AsyncIterable<T> | Observable<T>>;
type UnaryReply<T> = T | Promise<T> | Observable<T>;
type InputOf<M> = M extends { requestStream: true } ? AsyncIterable<RequestOf<M>> : RequestOf<M>;

/**
 * What a controller's method for an RPC looks like. It is declared as a method so that the request may be a DTO class
 * that says more than the message does (a field that is never undefined): validation has made that true. Parameters
 * after the request (`@Ctx()`, custom ones) may be of any type: decorators fill them, and whoever calls the method by
 * this type passes none, hence `never`.
 */
export type HandlerOf<M> = {
  handle(
    request: InputOf<M>,
    ...injected: never[]
  ): M extends { responseStream: true } ? StreamReply<ResponseOf<M>> : UnaryReply<ResponseOf<M>>;
}['handle'];

/** The methods a controller of the service has to have. */
export type ServiceController<D extends { methods: object }> = {
  [K in keyof D['methods']]: HandlerOf<D['methods'][K]>;
};

type ClientInputOf<M> = M extends { requestStream: true }
  ? AsyncIterable<Partially<RequestOf<M>>> | Iterable<Partially<RequestOf<M>>>
  : Partially<RequestOf<M>>;

/** The methods of a typed client: promises for one reply, async iterables for many. `Options` are the client's. */
export type ServiceClient<D extends { methods: object }, Options = object> = {
  [K in keyof D['methods']]: (
    request: ClientInputOf<D['methods'][K]>,
    options?: Options,
  ) => D['methods'][K] extends { responseStream: true }
    ? AsyncIterable<ResponseOf<D['methods'][K]>>
    : Promise<ResponseOf<D['methods'][K]>>;
};
