import { createClient } from '@keyv/redis';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { Replica, bytes, heldLoad, newService } from './cache.fixture.js';

const OPTIONS = { tags: ['user:1'] };

let service: string;
let replicas: Replica[];
const open = async (variables = {}) => {
  const replica = await Replica.open(service, variables);
  replicas.push(replica);
  return replica.cache;
};

beforeEach(() => {
  service = newService();
  replicas = [];
});
afterEach(() => Promise.all(replicas.map(({ cache }) => cache.close())));

/** Cache-aside as it is mostly written, and in go-zero: get, else load and set; delete after the change. */
async function naive() {
  const redis = createClient({ url: inject('redisUrl') });
  await redis.connect();
  const key = `${service}:naive`;
  return {
    getOrLoad: async (load: () => Promise<Buffer>) => {
      const cached = await redis.get(key);
      if (cached !== null) return bytes(cached);
      const value = await load();
      await redis.set(key, value, { PX: 60_000 });
      return value;
    },
    invalidate: () => redis.del(key),
    close: () => redis.destroy(),
  };
}

describe('a load reads the old row; the change commits and invalidates; the load stores what it read', () => {
  it('leaves the old row in a naive cache', async () => {
    const cache = await naive();
    const old = heldLoad();
    const late = cache.getOrLoad(old.load);
    await old.begun;
    await cache.invalidate();
    old.finish('old');
    await late;
    expect(String(await cache.getOrLoad(async () => bytes('new')))).toBe('old');
    cache.close();
  });

  it.each([
    ['in one replica', false, false],
    ['with the change in another replica', true, false],
    ['when there was an entry before', true, true],
  ])('serves the new row here, %s', async (_where, elsewhere, before) => {
    const reader = await open();
    const writer = elsewhere ? await open() : reader;
    if (before) {
      await reader.getOrLoad('k', async () => bytes('older'), OPTIONS);
      await writer.invalidate(OPTIONS.tags);
    }
    const old = heldLoad();
    const late = reader.getOrLoad('k', old.load, OPTIONS);
    await old.begun;
    await writer.invalidate(OPTIONS.tags);
    // Who asks now joins neither the load nor waits for its lease.
    for (const cache of [reader, writer]) {
      expect(String(await cache.getOrLoad('k', async () => bytes('new'), OPTIONS))).toBe('new');
    }
    old.finish('old');
    expect(String(await late)).toBe('old');
    for (const cache of [reader, writer]) {
      expect(String(await cache.getOrLoad('k', async () => bytes('newer'), OPTIONS))).toBe('new');
    }
  });
});

it('gives a replica that waits for an old load a new one', async () => {
  const [loading, waiting, writer] = [await open(), await open(), await open()];
  const old = heldLoad();
  const late = loading.getOrLoad('k', old.load, OPTIONS);
  await old.begun;
  const waited = waiting.getOrLoad('k', async () => bytes('new'), OPTIONS);
  await expect.poll(() => replicas[1]!.metric('cache_lease_waits_total')).toEqual({ '': 1 });
  await writer.invalidate(OPTIONS.tags);
  expect(String(await waited)).toBe('new');
  old.finish('old');
  expect(String(await late)).toBe('old');
  expect(String(await writer.getOrLoad('k', async () => bytes('newer'), OPTIONS))).toBe('new');
});

describe.each([
  { driver: 'in memory', url: () => undefined },
  { driver: 'on Redis', url: () => inject('redisUrl') },
])('stale-while-revalidate $driver', ({ url }) => {
  const stale = { ttl: 1, staleFor: '1m', tags: OPTIONS.tags };
  const variables = () => ({ REDIS_URL: url() });
  const get = (cache: Replica['cache'], value: string) =>
    cache.getOrLoad('k', async () => bytes(value), stale).then(String);
  const results = (replica = replicas[0]!) => replica.metric('cache_requests_total');
  /** Stored, and not fresh any more. */
  const keepStale = async (cache: Replica['cache'], value: string) => {
    await get(cache, value);
    const storedAt = Date.now();
    await expect.poll(() => Date.now() - storedAt).toBeGreaterThan(5);
  };

  it('serves the stale value at once, and the new one when it is there', async () => {
    const cache = await open(variables());
    await keepStale(cache, 'old');
    const row = heldLoad();
    const ask = () => cache.getOrLoad('k', row.load, stale).then(String);
    expect(await Promise.all([ask(), ask(), ask()])).toEqual(['old', 'old', 'old']);
    await row.begun;
    expect(await ask()).toBe('old');
    row.finish('new');
    await expect.poll(ask).toBe('new');
    expect(await results()).toMatchObject({ miss: 1 });
  });

  it('loads once for all who are served stale', async () => {
    const caches = url() ? [await open(variables()), await open(variables())] : [await open(variables())];
    await keepStale(caches[0]!, 'old');
    const row = heldLoad();
    for (let round = 0; round < 20; round += 1) {
      for (const cache of caches) expect(String(await cache.getOrLoad('k', row.load, stale))).toBe('old');
    }
    await row.begun;
    expect(row.loads()).toBe(1);
    row.finish('new');
  });

  it('is for those who ask for it', async () => {
    const cache = await open(variables());
    await keepStale(cache, 'old');
    expect(String(await cache.getOrLoad('k', async () => bytes('new'), OPTIONS))).toBe('new');
  });

  it('serves nothing stale that was invalidated, nor what a refresh from before stores', async () => {
    const cache = await open(variables());
    const writer = url() ? await open(variables()) : cache;
    await keepStale(cache, 'old');
    const refresh = heldLoad();
    expect(String(await cache.getOrLoad('k', refresh.load, stale))).toBe('old');
    await refresh.begun;
    await writer.invalidate(OPTIONS.tags);
    const lasting = { ...stale, ttl: '1m' };
    expect(String(await cache.getOrLoad('k', async () => bytes('new'), lasting))).toBe('new');
    refresh.finish('old');
    await expect.poll(() => replicas[0]!.metric('cache_load_duration_seconds')).toMatchObject({ '_count value': 3 });
    expect(String(await cache.getOrLoad('k', async () => bytes('newer'), lasting))).toBe('new');
  });

  it('goes on serving when a refresh fails', async () => {
    const cache = await open(variables());
    await keepStale(cache, 'old');
    let attempts = 0;
    const failing = async (): Promise<Buffer> => {
      attempts += 1;
      throw new Error('the database is away');
    };
    for (let round = 0; round < 5; round += 1) {
      expect(String(await cache.getOrLoad('k', failing, stale))).toBe('old');
    }
    const failures = () => replicas[0]!.metric('cache_load_duration_seconds').then((found) => found['_count error']);
    await expect.poll(failures).toBe(1);
    // The pause after a failure is longer than this: whoever comes now must not begin a second attempt.
    for (let round = 0; round < 5; round += 1) expect(String(await cache.getOrLoad('k', failing, stale))).toBe('old');
    // What that would have asked of Redis is answered before this.
    await cache.getOrLoad('another', async () => bytes('v'));
    expect(attempts).toBe(1);
  });
});
