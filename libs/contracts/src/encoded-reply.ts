/**
 * A reply that is already protobuf bytes. A handler or an interceptor may return one instead of a message:
 * it goes to the wire as it is, which saves a cache hit the encoding.
 */
export class EncodedReply {
  constructor(readonly bytes: Uint8Array) {}
}
