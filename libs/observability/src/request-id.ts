import { randomUUID } from 'node:crypto';

/** The gRPC metadata key and HTTP header in which the request id travels. */
export const REQUEST_ID_HEADER = 'x-request-id';

/** Printable ASCII without spaces, at most 128 characters: safe in logs, headers and metadata. */
const ACCEPTED = /^[\x21-\x7e]{1,128}$/;

/** The caller's request id when it is usable, else a new one. */
export function requestIdFrom(received: unknown): string {
  return typeof received === 'string' && ACCEPTED.test(received) ? received : randomUUID();
}
