import { randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { isLease, openCache, sharedStore } from './shared-store.fixture.js';

it('loads by itself when a tag is invalidated as fast as it is looked up', async () => {
  const store = sharedStore();
  const { get } = openCache(store);
  const add = store.add.bind(store);
  let invalidations = 0;
  store.add = async (key, value, ttl) => {
    // Behind every look, before the next one.
    if (isLease(key) && (invalidations += 1) < 100) void store.delete(['test:tag:t']);
    const added = add(key, value, ttl);
    await turn();
    return added;
  };
  expect(await get('fresh')).toBe('fresh');
  expect(invalidations).toBe(2);
  // Stored under no version, so not at all.
  expect(await store.getMany(['test:entry:k'])).toEqual([null]);
});

it('waits so long for others, and not for one after the other', async () => {
  const store = sharedStore();
  const { get } = openCache(store, { CACHE_LEASE: '10ms' });
  const [add, getMany] = [store.add.bind(store), store.getMany.bind(store)];
  let looks = 0;
  // Somebody else has the lease, each time somebody else.
  store.add = (key, value, ttl) => !isLease(key) && add(key, value, ttl);
  store.getMany = async (keys) => {
    await turn();
    const found = await getMany(keys);
    return isLease(keys.at(-1)!) && (looks += 1) < 1_000 ? [...found.slice(0, -1), Buffer.from(randomUUID())] : found;
  };
  expect(await get('fresh')).toBe('fresh');
  expect(looks).toBeLessThan(20);
});
