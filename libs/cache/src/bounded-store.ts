import { CircuitBreaker } from '@rookery/resilience';
import { AnswerWatch } from './answer-watch.js';
import type { Answer, CacheStore } from './cache-store.js';
import { CacheTimeout } from './cache-timeout.js';

export interface BoundedStoreOptions {
  /** Milliseconds that a question waits for its answer. */
  timeout: number;
  onFailure: (error: unknown) => void;
  onBreaker: (breaker: CircuitBreaker) => void;
}

/**
 * Asks a store without ever failing and without waiting for long: after one answer that does not come in time, or a lost
 * connection, nothing is asked until the store answers again, which a breaker finds out by itself.
 */
export class BoundedStore {
  readonly shared: boolean;
  readonly breaker: CircuitBreaker;
  private readonly watch: AnswerWatch;

  constructor(
    private readonly store: CacheStore,
    private readonly options: BoundedStoreOptions,
  ) {
    this.shared = store.shared;
    this.watch = new AnswerWatch(options.timeout);
    this.breaker = new CircuitBreaker({
      probe: () => this.watch.inTime(store.ping()),
      onChange: () => options.onBreaker(this.breaker),
    });
  }

  /** What the store answers; undefined when it does not. At once when the store does. */
  ask<T>(question: (store: CacheStore) => Answer<T>): Answer<T | undefined> {
    if (!this.breaker.closed) return undefined;
    const answer = question(this.store);
    return answer instanceof Promise ? this.watch.inTime(answer).catch((error: unknown) => this.failed(error)) : answer;
  }

  async close(): Promise<void> {
    this.breaker.dispose();
    await this.store.close();
  }

  private failed(error: unknown): undefined {
    if (error instanceof CacheTimeout || !this.store.connected) this.breaker.failed(error);
    this.options.onFailure(error);
  }
}
