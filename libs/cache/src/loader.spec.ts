import { randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { NotFound } from '@rookery/errors';
import { afterEach, expect, it, vi } from 'vitest';
import { FORMAT_NAME, freshUntil } from './entry.js';
import { isLease, openCache, sharedStore } from './shared-store.fixture.js';

afterEach(() => void vi.useRealTimers());

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
  expect(await store.getMany([`test:entry:${FORMAT_NAME}:k`])).toEqual([null]);
});

it('lets nobody join a load that it began without knowing the versions', async () => {
  const store = sharedStore();
  const { cache } = openCache(store);
  // Full, and told not to evict: no version can be set, so before an invalidation there is none, and after it.
  store.add = () => Promise.reject(new Error('OOM command not allowed'));
  const begun: string[] = [];
  let finish = () => {};
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const load = (row: string) => () => (begun.push(row), finished.then(() => Buffer.from(row)));
  const before = cache.getOrLoad('k', load('old'), { tags: ['t'] });
  await turn();
  expect(begun).toEqual(['old']);
  // By another replica: this process does not know.
  await store.delete(['test:tag:t']);
  const after = cache.getOrLoad('k', load('new'), { tags: ['t'] });
  await turn();
  finish();
  expect([String(await before), String(await after)]).toEqual(['old', 'new']);
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

it.each([
  [0, 95_000, 950],
  [0.5, 100_000, 1_000],
  [1, 105_000, 1_050],
])('spreads expiry by a twentieth: by chance %d it is %d ms instead of 100,000', async (chance, life, negativeLife) => {
  const store = sharedStore();
  const { cache } = openCache(store, { CACHE_NEGATIVE_TTL: '1s' }, () => chance);
  const stored: number[] = [];
  store.setWhile = (_keys, _versions, _entry, ttl) => stored.push(ttl) > 0;
  await cache.getOrLoad('k', async () => Buffer.from('v'), { ttl: 100_000 });
  await expect(cache.getOrLoad('none', () => Promise.reject(new NotFound('no k')))).rejects.toThrow('no k');
  expect(stored).toEqual([life, negativeLife]);
});

it('spreads when a value becomes stale, too, and ends after a day', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
  const store = sharedStore();
  const { cache } = openCache(store, {}, () => 1);
  const stored: [number, number][] = [];
  store.setWhile = (_keys, _versions, entry, ttl) => stored.push([freshUntil(entry), ttl]) > 0;
  for (const ttl of ['100s', '48h']) {
    await cache.getOrLoad(ttl, async () => Buffer.from('v'), { ttl, staleFor: '10s' });
  }
  const day = 24 * 60 * 60 * 1000;
  expect(stored).toEqual([
    [1_000_000 + 105_000, 115_000],
    [1_000_000 + 1.05 * day, day],
  ]);
});

it('refreshes no more than CACHE_MAX_LOADS at once while the store refuses values, and before nobody who waits', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const store = sharedStore();
  const { cache } = openCache(store, { CACHE_MAX_LOADS: '2' });
  const keys = Array.from({ length: 5 }, (_, index) => `k${index}`);
  const stale = { ttl: 1, staleFor: '1m' };
  for (const key of keys) await cache.getOrLoad(key, async () => Buffer.from('old'), stale);
  vi.setSystemTime(Date.now() + 10);
  store.setWhile = () => Promise.reject(new Error('OOM command not allowed'));
  await cache.getOrLoad('finds out', async () => Buffer.from('v'));
  await turn();

  const begun: string[] = [];
  const finish: (() => void)[] = [];
  const load = (key: string) => () =>
    new Promise<Buffer>((resolve) => (begun.push(key), finish.push(() => resolve(Buffer.from('new')))));
  for (const key of keys) expect(String(await cache.getOrLoad(key, load(key), stale))).toBe('old');
  await turn();
  expect(begun).toEqual(['k0', 'k1']);
  const wanted = cache.getOrLoad('wanted', load('wanted'));
  await turn();
  expect(begun).toHaveLength(2);
  finish[0]!();
  await turn();
  expect(begun).toEqual(['k0', 'k1', 'wanted']);
  finish[1]!();
  finish[2]!();
  expect(String(await wanted)).toBe('new');
});
