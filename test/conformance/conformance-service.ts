import 'reflect-metadata';
import { join } from 'node:path';
import { type MessageTypeDefinition, type ServiceDefinition as LoadedService, loadSync } from '@grpc/proto-loader';
import type { MessageCodec } from '@rookery/contracts';
import { Type } from 'class-transformer';
import { IsNotEmpty, Max, ValidateNested } from 'class-validator';

export interface Item {
  skuCode: string;
}
export interface Request {
  id: string;
  count: number;
  items: Item[];
  padding: Uint8Array;
}
export interface Reply {
  id: string;
  number: number;
  padding: Uint8Array;
}

class ItemDto implements Item {
  @IsNotEmpty()
  skuCode!: string;
}

/** What every handler of the suite takes. */
export class RequestDto implements Request {
  @IsNotEmpty()
  id!: string;
  @Max(1_000_000)
  count!: number;
  @ValidateNested({ each: true })
  @Type(() => ItemDto)
  items!: ItemDto[];
  padding!: Uint8Array;
}

/** The kinds of RPC that every behaviour is asked of. */
export const KINDS = ['unary', 'serverStream', 'clientStream', 'bidi'] as const;
export type Kind = (typeof KINDS)[number];

export const PROTO_ROOT = join(import.meta.dirname, 'proto');
export const PROTO_FILE = 'conformance/v1/conformance.proto';
/** The vendored protos of googleapis: what the details of a status are written in. */
export const GOOGLEAPIS_ROOT = join(import.meta.dirname, '../../libs/contracts/third_party/googleapis');

/** Loader options of both ends: int64 as strings, absent fields as their defaults. */
export const LOADER_OPTIONS = { includeDirs: [PROTO_ROOT, GOOGLEAPIS_ROOT], longs: String, defaults: true };

const loaded = loadSync([PROTO_FILE, 'google/rpc/status.proto', 'google/rpc/error_details.proto'], LOADER_OPTIONS);

/** The service as protobufjs reads the proto: what the clients of this suite speak, and none of it is Rookery's. */
export const LOADED_SERVICE = loaded['conformance.v1.ConformanceService'] as LoadedService;

/** A message type by its full name, as protobufjs reads it. */
export function messageType(name: string): MessageTypeDefinition<object, object> | undefined {
  return loaded[name] as MessageTypeDefinition<object, object> | undefined;
}

const codec = <T>($type: string, encode: (message: never) => Buffer, decode: (bytes: Buffer) => unknown) =>
  ({
    $type,
    encode: (message) => ({ finish: () => encode(message as never) }),
    decode: (bytes) => decode(bytes as Buffer) as T,
    fromPartial: (partial) => partial as T,
  }) satisfies MessageCodec<T> as MessageCodec<T>;

const unaryOf = LOADED_SERVICE.Unary!;
const RequestType = codec<Request>('conformance.v1.Request', unaryOf.requestSerialize, unaryOf.requestDeserialize);
const ReplyType = codec<Reply>('conformance.v1.Reply', unaryOf.responseSerialize, unaryOf.responseDeserialize);
const { responseSerialize, responseDeserialize } = LOADED_SERVICE.Acknowledge!;
const EmptyType = codec<object>('google.protobuf.Empty', responseSerialize, responseDeserialize);

const rpc = <R, Q extends boolean, P extends boolean>(name: string, many: Q, responseType: R, replies: P) =>
  ({
    name,
    requestType: RequestType,
    requestStream: many,
    responseType,
    responseStream: replies,
    options: {},
  }) as const;

/** The service as Rookery serves it. Its codecs are foreign on purpose: a codec can be replaced without the server knowing. */
export const ConformanceDefinition = {
  name: 'ConformanceService',
  fullName: 'conformance.v1.ConformanceService',
  methods: {
    unary: rpc('Unary', false, ReplyType, false),
    serverStream: rpc('ServerStream', false, ReplyType, true),
    clientStream: rpc('ClientStream', true, ReplyType, false),
    bidi: rpc('Bidi', true, ReplyType, true),
    acknowledge: rpc('Acknowledge', false, EmptyType, false),
  },
} as const;

/** A whole request; the id says which one it is. */
export function request(id: string, partial: Partial<Request> = {}): Request {
  return { id, count: 0, items: [], padding: Buffer.alloc(0), ...partial };
}

/** A whole reply; the number says which one of a stream it is. */
export function reply(id: string, number = 0, padding: Uint8Array = Buffer.alloc(0)): Reply {
  return { id, number, padding };
}

/** The bytes of a reply, for handlers that answer with an EncodedReply. */
export function encodedReply(message: Reply): Uint8Array {
  return ReplyType.encode(message).finish();
}
