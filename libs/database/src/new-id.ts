import { v7 } from 'uuid';

/** A new UUID of version 7 (RFC 9562): ids sort by the time of their creation, which keyset paging relies on. */
export function newId(): string {
  return v7();
}
