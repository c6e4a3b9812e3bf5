import type { MessageCodec } from '@rookery/contracts';
import { InvalidArgument, ResourceExhausted } from '@rookery/errors';

/**
 * What a message and the answer to it are as protobuf; what has no codec travels as JSON. The second argument of
 * Nest's decorators takes it: `@MessagePattern('stock.check', { payload: CheckStock, reply: StockLevel })`.
 */
export interface PayloadCodecs<Payload = unknown, Answer = unknown> {
  readonly payload?: MessageCodec<Payload>;
  readonly reply?: MessageCodec<Answer>;
}

/** NATS takes 1 MiB with the headers. */
const MAX_PAYLOAD = 1_000_000;

const JSON_TYPE = 'application/json';
const PROTOBUF_TYPE = 'application/protobuf';
const BYTES_TYPE = 'application/octet-stream';

export interface EncodedPayload {
  readonly contentType: string;
  readonly data: Uint8Array;
}

/**
 * A value as it travels: protobuf when there is a codec for it, bytes as they are, else JSON; nothing for undefined.
 * @throws {ResourceExhausted} when it is longer than 1,000,000 bytes, and what the encoder throws
 */
export function encodePayload(value: unknown, codec?: MessageCodec<unknown>): EncodedPayload {
  const encoded = encode(value, codec);
  const size = encoded.data.length;
  if (size > MAX_PAYLOAD) {
    throw new ResourceExhausted(`a message of ${size} bytes does not fit into NATS, which takes ${MAX_PAYLOAD}`, {
      reason: 'MESSAGE_TOO_LARGE',
    });
  }
  return encoded;
}

function encode(value: unknown, codec: MessageCodec<unknown> | undefined): EncodedPayload {
  if (codec) return { contentType: PROTOBUF_TYPE, data: codec.encode(codec.fromPartial(value ?? {})).finish() };
  if (value instanceof Uint8Array) return { contentType: BYTES_TYPE, data: value };
  return { contentType: JSON_TYPE, data: Buffer.from(value === undefined ? '' : JSON.stringify(value)) };
}

/**
 * The value that arrived. Without a codec, what says that it is no JSON stays a Buffer.
 * @throws {InvalidArgument} when it is not what it should be
 */
export function decodePayload(
  data: Uint8Array,
  contentType: string | undefined,
  codec?: MessageCodec<unknown>,
): unknown {
  if (codec) return decodeProtobuf(data, contentType, codec);
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.length);
  if (contentType === PROTOBUF_TYPE || contentType === BYTES_TYPE) return buffer;
  if (buffer.length === 0) return undefined;
  try {
    return JSON.parse(buffer.toString()) as unknown;
  } catch (cause) {
    throw new InvalidArgument('the payload is no JSON', { cause });
  }
}

function decodeProtobuf(data: Uint8Array, contentType: string | undefined, codec: MessageCodec<unknown>): unknown {
  if (contentType === JSON_TYPE) {
    throw new InvalidArgument(`the payload has to be ${PROTOBUF_TYPE} (${codec.$type}), got ${contentType}`);
  }
  try {
    return codec.decode(data);
  } catch (cause) {
    throw new InvalidArgument(`the payload is no ${codec.$type}`, { cause });
  }
}
