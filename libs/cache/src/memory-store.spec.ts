import { expect, it } from 'vitest';
import { cacheStoreContract } from './cache-store.contract.js';
import { MemoryStore } from './memory-store.js';

const PLENTY = { entries: 1_000, bytes: 1_000_000 };
const value = Buffer.alloc(1_000);
const kept = (store: MemoryStore, keys: string[]) => store.getMany(keys).map((found) => found !== null);

cacheStoreContract('in memory', async () => new MemoryStore(PLENTY));

it('keeps so many entries, and drops the one that was not used for longest', () => {
  const store = new MemoryStore({ ...PLENTY, entries: 2 });
  store.set('a', value, 1_000);
  store.set('b', value, 1_000);
  store.getMany(['a']);
  store.set('c', value, 1_000);
  expect(kept(store, ['a', 'b', 'c'])).toEqual([true, false, true]);
});

it('keeps so many bytes', () => {
  const store = new MemoryStore({ ...PLENTY, bytes: 10_000 });
  const keys = Array.from({ length: 100 }, (_, index) => `k${index}`);
  for (const key of keys) store.set(key, value, 1_000);
  const held = kept(store, keys).filter(Boolean).length;
  expect(held).toBeGreaterThan(5);
  expect(held).toBeLessThan(10);
  store.set('huge', Buffer.alloc(20_000), 1_000);
  expect(kept(store, ['huge', 'k99'])).toEqual([false, true]);
});

it('forgets at the millisecond', () => {
  let now = 0;
  const store = new MemoryStore(PLENTY, () => now);
  store.set('k', value, 100);
  now = 99;
  expect(kept(store, ['k'])).toEqual([true]);
  now = 100;
  expect(kept(store, ['k'])).toEqual([false]);
});
