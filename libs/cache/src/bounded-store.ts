import { CircuitBreaker } from '@rookery/resilience';
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

  constructor(
    private readonly store: CacheStore,
    private readonly options: BoundedStoreOptions,
  ) {
    this.shared = store.shared;
    this.breaker = new CircuitBreaker({
      probe: () => this.inTime(store.ping()),
      onChange: () => options.onBreaker(this.breaker),
    });
  }

  /** What the store answers; undefined when it does not. At once when the store does. */
  ask<T>(question: (store: CacheStore) => Answer<T>): Answer<T | undefined> {
    if (!this.breaker.closed) return undefined;
    const answer = question(this.store);
    return answer instanceof Promise ? this.inTime(answer).catch((error: unknown) => this.failed(error)) : answer;
  }

  async close(): Promise<void> {
    this.breaker.dispose();
    await this.store.close();
  }

  private failed(error: unknown): undefined {
    if (error instanceof CacheTimeout || !this.store.connected) this.breaker.failed(error);
    this.options.onFailure(error);
  }

  private inTime<T>(answer: Promise<T>): Promise<T> {
    const { timeout } = this.options;
    return new Promise((resolve, reject) => {
      // The answer may be there already, unread, when it was this process that was busy: one look before giving up.
      const timer = setTimeout(() => setImmediate(() => reject(new CacheTimeout(timeout))), timeout);
      answer.then(
        (value) => {
          clearTimeout(timer);
          resolve(value);
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(error);
        },
      );
    });
  }
}
