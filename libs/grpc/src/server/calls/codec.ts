import { EncodedReply, type MethodDefinition } from '@rookery/contracts';
import { Internal, InvalidArgument } from '@rookery/errors';

/** The request message of `bytes`. @throws {InvalidArgument} when they are none */
export function decodeRequest({ requestType }: MethodDefinition, bytes: Uint8Array): object {
  try {
    return requestType.decode(bytes) as object;
  } catch (cause) {
    throw new InvalidArgument(`the request is no valid ${requestType.$type}`, { cause });
  }
}

/** The bytes of a reply. Nothing at all stands for the empty message where the RPC returns google.protobuf.Empty. */
export function encodeReply({ responseType }: MethodDefinition, reply: unknown): Buffer {
  if (reply instanceof EncodedReply) return asBuffer(reply.bytes);
  if (reply === undefined || reply === null) {
    if (responseType.$type === 'google.protobuf.Empty') return Buffer.alloc(0);
    throw new Internal('internal error', { cause: new TypeError(`the handler returned no ${responseType.$type}`) });
  }
  return asBuffer(responseType.encode(reply).finish());
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
