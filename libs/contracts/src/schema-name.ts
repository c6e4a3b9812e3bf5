import { MESSAGE_FINGERPRINTS } from './generated/descriptors.js';
import type { MessageCodec } from './service-definition.js';

/**
 * Names what `codec` reads and writes: the message and a fingerprint of its schema, all that it reaches included, such as
 * `user.v1.User@kX3…`. Bytes that are kept under this name are never decoded by another schema. Of a message that is
 * not from proto/, and whose codec says no `$fingerprint`, it is the name alone.
 */
export function schemaName(codec: Pick<MessageCodec<unknown>, '$type' | '$fingerprint'>): string {
  const { $type, $fingerprint = MESSAGE_FINGERPRINTS[$type] } = codec;
  return $fingerprint === undefined ? $type : `${$type}@${$fingerprint}`;
}
