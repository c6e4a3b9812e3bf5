import { LRUCache } from 'lru-cache';
import type { CacheStore } from './cache-store.js';

/** What an entry takes beside its key and value, about. */
const OVERHEAD = 150;

interface Held {
  value: Buffer | string;
  /** Milliseconds since the epoch. */
  expires: number;
}

/** What memory is bounded by; the least recently used goes first. */
export interface MemoryBounds {
  entries: number;
  bytes: number;
}

/** A store in the memory of this process. It answers at once. */
export class MemoryStore implements CacheStore {
  readonly shared = false;
  readonly connected = true;
  private readonly held: LRUCache<string, Held>;

  constructor(
    { entries, bytes }: MemoryBounds,
    private readonly now: () => number = Date.now,
  ) {
    this.held = new LRUCache({
      max: entries,
      maxSize: bytes,
      sizeCalculation: ({ value }, key) => OVERHEAD + key.length + value.length,
    });
  }

  getMany(keys: readonly string[]): (Buffer | null)[] {
    return keys.map((key) => this.valueOf(key));
  }

  set(key: string, value: Buffer, ttl: number): void {
    this.held.set(key, { value, expires: this.now() + ttl });
  }

  add(key: string, value: Buffer, ttl: number): boolean {
    if (this.valueOf(key)) return false;
    this.set(key, value, ttl);
    return true;
  }

  setWhile([key, ...tags]: readonly string[], versions: readonly Buffer[], value: Buffer, ttl: number): boolean {
    if (!tags.every((tag, index) => this.valueOf(tag)?.equals(versions[index]!))) return false;
    this.set(key!, value, ttl);
    for (const tag of tags) {
      const version = this.held.get(tag);
      if (version) version.expires = Math.max(version.expires, this.now() + 2 * ttl);
    }
    return true;
  }

  delete(keys: readonly string[]): void {
    for (const key of keys) this.held.delete(key);
  }

  deleteSome(prefix: string): string {
    for (const key of this.held.keys()) if (key.startsWith(prefix)) this.held.delete(key);
    return '0';
  }

  deleteIf(key: string, value: Buffer): boolean {
    return this.valueOf(key)?.equals(value) === true && this.held.delete(key);
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {
    this.held.clear();
  }

  /** For Keyv, which keeps text and knows itself when it has expired: the bounds hold for both together. */
  readonly texts = {
    get: (key: string) => this.held.get(`text:${key}`)?.value as string | undefined,
    set: (key: string, value: string) => this.held.set(`text:${key}`, { value, expires: Infinity }),
    delete: (key: string) => this.held.delete(`text:${key}`),
    clear: () => {
      for (const key of this.held.keys()) if (key.startsWith('text:')) this.held.delete(key);
    },
  };

  private valueOf(key: string): Buffer | null {
    const found = this.held.get(key);
    if (!found) return null;
    if (found.expires > this.now()) return found.value as Buffer;
    this.held.delete(key);
    return null;
  }
}
