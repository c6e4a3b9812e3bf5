/** What is asked of the cache, in the store's terms. */
export interface Question {
  /** The entry's key. */
  readonly name: string;
  /** That key and those of its tags' versions. */
  readonly keys: readonly string[];
  /** Milliseconds that it stays fresh. */
  readonly ttl: number;
  /** Milliseconds that it may be served afterwards, while it is refreshed. */
  readonly staleFor: number;
  readonly load: () => Promise<Uint8Array>;
}

/** What the store has under the keys of a question. */
export type Seen = readonly (Buffer | null)[];

/** Names the versions of the tags that were seen: who has seen the same ones may share a load. */
export function versionsOf([, ...versions]: Seen): string {
  return versions.map((version) => version?.toString('hex') ?? '').join('.');
}
