import type { MethodDefinition } from '@rookery/contracts';
import { Internal } from '@rookery/errors';
import type { GrpcChannel } from './grpc-channel.js';

/** What all calls of one method have in common, worked out once. */
export interface ClientMethod {
  readonly channel: GrpcChannel;
  /** `/user.v1.UserService/GetUser` */
  readonly path: string;
  /** What errors call the service. */
  readonly service: string;
  readonly definition: MethodDefinition;
  /** Milliseconds for a call that sets none; Infinity for no limit. */
  readonly timeout: number;
  encode(this: void, message: unknown): Buffer;
  /** @throws {Internal} for bytes that are no reply */
  decode(this: void, bytes: Uint8Array): unknown;
}

/** The two codecs of a method. */
export function codecOf({ requestType, responseType }: MethodDefinition): Pick<ClientMethod, 'encode' | 'decode'> {
  return {
    encode: (message) => {
      const bytes = requestType.encode(requestType.fromPartial(message as object)).finish();
      return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    decode: (bytes) => {
      try {
        return responseType.decode(bytes);
      } catch (cause) {
        throw new Internal('internal error', { cause });
      }
    },
  };
}
