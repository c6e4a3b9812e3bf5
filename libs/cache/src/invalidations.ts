import type { BoundedStore } from './bounded-store.js';
import { SLICE } from './cache-store.js';

/** Milliseconds until an invalidation that the store has refused is tried again. */
const PAUSE = 1_000;
/** Milliseconds for the last attempt of a process that ends. */
const LAST_ATTEMPT = 2_000;
/** Tags that may wait, about 15 MB of them. What is more is forgotten by name, and stands for all tags. */
const MOST_UNSENT = 100_000;

/** Deletes the versions of tags, as often as it takes. */
export class Invalidations {
  /** Counts invalidations. */
  private count = 0;
  /** Counts what the store has taken. */
  private taken = 0;
  /** Tags with the count at which they were last invalidated. */
  private readonly unsent = new Map<string, number>();
  /** Every tag of the service, when more waited than may: how many these were, and the count at that time. */
  private all: { readonly tags: number; readonly at: number } | undefined;
  private sending = false;
  private told = false;
  private retry: NodeJS.Timeout | undefined;

  /** @param prefix what the names of all tags of the service begin with */
  constructor(
    private readonly store: BoundedStore,
    private readonly prefix: string,
    private readonly onUnsent: (tags: number) => void,
  ) {}

  get unsentTags(): number {
    return this.unsent.size + (this.all?.tags ?? 0);
  }

  /** Whether the store still has a version of one of the tags of an entry with `keys` that should be gone. */
  concern(keys: readonly string[]): boolean {
    if (this.all) return keys.length > 1;
    return this.unsent.size > 0 && keys.some((key) => this.unsent.has(key));
  }

  /**
   * Names, without the store, what is known of the tags among `keys`: a load that began under another name may have read
   * what this process has changed since.
   */
  standing(keys: readonly string[]): string {
    let last = this.all?.at ?? 0;
    for (const key of keys) last = Math.max(last, this.unsent.get(key) ?? 0);
    return `#${this.taken}.${last}`;
  }

  async add(tags: readonly string[]): Promise<void> {
    if (tags.length === 0) return;
    this.count += 1;
    for (const tag of tags) this.unsent.set(tag, this.count);
    if (!(await this.delete(tags))) this.wait();
  }

  /** Sends what waits: some time after it was refused, and when the store is back. */
  async send(): Promise<void> {
    if (this.sending) return;
    this.sending = true;
    try {
      let taken = this.store.breaker.closed;
      while (taken && this.unsentTags > 0) taken = await this.next();
    } finally {
      this.sending = false;
    }
    this.wait();
  }

  /** Sends what waits once more, even to a store that was silent, for a short time. @returns how many tags are lost */
  async close(): Promise<number> {
    clearTimeout(this.retry);
    this.store.insist();
    const until = performance.now() + LAST_ATTEMPT;
    while (this.unsentTags > 0 && performance.now() < until && (await this.next()));
    return this.unsentTags;
  }

  private next(): Promise<boolean> {
    if (this.all) return this.deleteAll();
    const some: string[] = [];
    for (const tag of this.unsent.keys()) if (some.push(tag) === SLICE) break;
    return this.delete(some);
  }

  /** @returns whether the store has taken them */
  private async delete(tags: readonly string[]): Promise<boolean> {
    for (let at = 0; at < tags.length; at += SLICE) {
      const slice = tags.slice(at, at + SLICE);
      const counts = slice.map((tag) => this.unsent.get(tag));
      const taken = await this.store.ask('invalidate', (store) => store.delete(slice) ?? true);
      if (taken === undefined) return false;
      this.taken += 1;
      // Not those that were invalidated again meanwhile.
      for (const [index, tag] of slice.entries()) if (this.unsent.get(tag) === counts[index]) this.unsent.delete(tag);
    }
    return true;
  }

  private async deleteAll(): Promise<boolean> {
    const { all } = this;
    let position: string | undefined = '0';
    do {
      const from: string = position;
      position = await this.store.ask('invalidate', (store) => store.deleteSome(this.prefix, from));
      if (position === undefined) return false;
    } while (position !== '0');
    this.taken += 1;
    if (this.all === all) this.all = undefined;
    return true;
  }

  private wait(): void {
    const tags = this.unsentTags;
    if (tags === 0) {
      this.told = false;
      return;
    }
    if (this.unsent.size > MOST_UNSENT) {
      this.all = { tags, at: this.count };
      this.unsent.clear();
    }
    if (!this.told) this.onUnsent(tags);
    this.told = true;
    // When it is silent, it is the breaker that finds out when it is back.
    if (!this.store.breaker.closed || this.retry) return;
    this.retry = setTimeout(() => {
      this.retry = undefined;
      void this.send();
    }, PAUSE).unref();
  }
}
