import type { BoundedStore } from './bounded-store.js';

/** Milliseconds until an invalidation that the store has refused is tried again. */
const PAUSE = 1_000;

/** Deletes the versions of tags, as often as it takes. */
export class Invalidations {
  /** Counts invalidations. Loads that began under another number may have read what was changed since. */
  epoch = 0;
  /** With the number under which they were last invalidated. */
  private readonly unsent = new Map<string, number>();
  private retry: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: BoundedStore,
    private readonly onUnsent: (tags: number) => void,
  ) {}

  get unsentTags(): number {
    return this.unsent.size;
  }

  /** Whether the store still has a version of one of `tags` (as the store knows them) that should be gone. */
  concern(tags: readonly string[]): boolean {
    return this.unsent.size > 0 && tags.some((tag) => this.unsent.has(tag));
  }

  async add(tags: readonly string[]): Promise<void> {
    if (tags.length === 0) return;
    this.epoch += 1;
    for (const tag of tags) this.unsent.set(tag, this.epoch);
    await this.send();
  }

  /** Sends what waits: after each failure, and when the store is back. */
  async send(): Promise<void> {
    const sending = [...this.unsent];
    if (sending.length === 0) return;
    const sent = await this.store.ask((store) => store.delete(sending.map(([tag]) => tag)) ?? true);
    if (sent !== undefined) {
      for (const [tag, epoch] of sending) if (this.unsent.get(tag) === epoch) this.unsent.delete(tag);
    }
    if (this.unsent.size === 0 || this.retry) return;
    this.onUnsent(this.unsent.size);
    this.retry = setTimeout(() => {
      this.retry = undefined;
      void this.send();
    }, PAUSE).unref();
  }

  stop(): void {
    clearTimeout(this.retry);
    this.retry = undefined;
  }
}
