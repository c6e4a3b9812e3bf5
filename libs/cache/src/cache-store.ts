/** Keys that are sent at once; more of them would hold up the process and the store. */
export const SLICE = 1_000;

/** At once, or later. What is in memory need not make a promise of it. */
export type Answer<T> = T | Promise<T>;

/**
 * Where a cache keeps its entries, the versions of its tags and its leases: bytes by key, each for a time of its own.
 * Times are milliseconds. One contract (`cache-store.contract.ts`) holds for every driver.
 */
export interface CacheStore {
  /** Whether other processes see what this one keeps. */
  readonly shared: boolean;
  /** Whether it can be asked at all. What fails although it can is one refused command and says nothing of others. */
  readonly connected: boolean;
  /** The values of `keys` in their order, in one round trip. Nobody may write into them. */
  getMany(keys: readonly string[]): Answer<readonly (Buffer | null)[]>;
  set(key: string, value: Buffer, ttl: number): Answer<unknown>;
  /** Sets what is not there yet. @returns whether it was not */
  add(key: string, value: Buffer, ttl: number): Answer<boolean>;
  /**
   * Sets `keys[0]` if the other keys still hold `versions`, and lets those live for twice `ttl` at least: a writer that
   * is late does not replace what is newer. @returns whether it has
   */
  setWhile(keys: readonly string[], versions: readonly Buffer[], value: Buffer, ttl: number): Answer<boolean>;
  delete(keys: readonly string[]): Answer<unknown>;
  /**
   * Deletes some of the keys that begin with `prefix`. All that are there when this is asked from '0' are gone when it
   * has been asked from each position that it gave, until it gives '0' again.
   */
  deleteSome(prefix: string, position: string): Answer<string>;
  /** Deletes `key` if `value` is what it holds. @returns whether it was */
  deleteIf(key: string, value: Buffer): Answer<boolean>;
  /** Rejects, with the reason, when it does not work. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
