import { randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { Environment, loadConfig } from '@rookery/config';
import { type LogConfig, Metrics, createLogger } from '@rookery/observability';
import { expect, it } from 'vitest';
import { AsideCache } from './aside-cache.js';
import { CacheConfig } from './cache.config.js';
import type { CacheStore } from './cache-store.js';
import { MemoryStore } from './memory-store.js';

/** A store like the one that replicas share, so that leases are taken; a test comes between where it likes. */
function sharedStore(): CacheStore {
  const memory: CacheStore = new MemoryStore({ entries: 1_000, bytes: 1_000_000 });
  return Object.assign(memory, { shared: true });
}

function setUp(store: CacheStore, variables: Record<string, string> = {}) {
  const [config] = loadConfig([CacheConfig], new Environment(variables));
  const logger = createLogger({ level: 'silent', format: 'json' } as LogConfig, 'test');
  const cache = new AsideCache(store, config, 'test', new Metrics(), logger);
  const get = (value: string) => cache.getOrLoad('k', async () => Buffer.from(value), { tags: ['t'] }).then(String);
  return { cache, get };
}

const isLease = (key: string) => key.startsWith('test:lease:');

it('loads by itself when a tag is invalidated as fast as it is looked up', async () => {
  const store = sharedStore();
  const { get } = setUp(store);
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
  const { get } = setUp(store, { CACHE_LEASE: '10ms' });
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
