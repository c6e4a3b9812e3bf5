import { type BreakerState, CircuitBreaker } from '@rookery/resilience';
import { AnswerWatch } from './answer-watch.js';
import type { Answer, CacheStore } from './cache-store.js';
import { CacheTimeout } from './cache-timeout.js';

/** What a store is asked to do: what it refuses, it refuses by kind. */
export type Asking = 'look up' | 'claim' | 'release' | 'store' | 'invalidate';

export interface BoundedStoreOptions {
  /** Milliseconds that a question waits for its answer. */
  timeout: number;
  /** It was silent. */
  onFailure: (error: unknown) => void;
  /** It answers, and refuses what it is asked: no right, no memory, too old. @param begins whether it did it before */
  onRefusal: (asking: Asking, error: unknown, begins: boolean) => void;
  onBreaker: (state: BreakerState, reason: unknown, before: BreakerState) => void;
}

/**
 * Asks a store without ever failing and without waiting for long: after one answer that does not come in time, or a lost
 * connection, nothing is asked until the store answers again, which a breaker finds out by itself.
 */
export class BoundedStore {
  readonly shared: boolean;
  readonly breaker: CircuitBreaker;
  private readonly watch: AnswerWatch;
  private readonly refused = new Map<Asking, unknown>();
  private insisting = false;

  constructor(
    private readonly store: CacheStore,
    private readonly options: BoundedStoreOptions,
  ) {
    this.shared = store.shared;
    this.watch = new AnswerWatch(options.timeout);
    this.breaker = new CircuitBreaker({
      probe: () => this.watch.inTime(store.ping()),
      onChange: options.onBreaker,
    });
  }

  /** What the store answers; undefined when it does not. At once when the store does. */
  ask<T>(asking: Asking, question: (store: CacheStore) => Answer<T>): Answer<T | undefined> {
    if (!this.breaker.closed && !this.insisting) return undefined;
    const answer = question(this.store);
    if (!(answer instanceof Promise)) return answer;
    return this.watch.inTime(answer).then(
      (value) => {
        if (this.refused.size > 0) this.refused.delete(asking);
        return value;
      },
      (error: unknown) => this.failed(asking, error),
    );
  }

  /** From now on it is asked even while it is believed to be away. */
  insist(): void {
    this.insisting = true;
  }

  /** Whether it has refused to do this, and not done it since. */
  refuses(asking: Asking): boolean {
    return this.refused.has(asking);
  }

  /** What it refuses, and why; undefined when it does what it is asked. */
  get refusal(): { asking: Asking; error: unknown } | undefined {
    for (const [asking, error] of this.refused) return { asking, error };
    return undefined;
  }

  async close(): Promise<void> {
    this.breaker.dispose();
    await this.store.close();
  }

  private failed(asking: Asking, error: unknown): undefined {
    if (error instanceof CacheTimeout || !this.store.connected) {
      this.breaker.failed(error);
      this.options.onFailure(error);
      return;
    }
    const begins = !this.refused.has(asking);
    this.refused.set(asking, error);
    this.options.onRefusal(asking, error, begins);
  }
}
