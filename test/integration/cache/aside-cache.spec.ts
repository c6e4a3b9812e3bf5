import { createClient } from '@keyv/redis';
import { NotFound } from '@rookery/errors';
import { type LogConfig, Metrics, createLogger } from '@rookery/observability';
import { Environment, loadConfig } from '@rookery/config';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { randomUUID } from 'node:crypto';
import { AsideCache, CacheConfig } from '@rookery/cache';
import { openStore } from '../../../libs/cache/src/store.js';

const logger = createLogger({ level: 'silent', format: 'json' } as LogConfig, 'test');
const bytes = (text: string) => Buffer.from(text);
const isUp = ({ dependency }: ReturnType<typeof openStore>) =>
  dependency.check().then(
    ({ up }) => up,
    () => false,
  );

describe.each([
  { driver: 'in memory', url: () => undefined },
  { driver: 'on Redis', url: () => inject('redisUrl') },
])('cache-aside $driver', ({ url }) => {
  let service: string;
  let metrics: Metrics;
  let caches: AsideCache[];

  const open = (target = url()) => {
    const [config] = loadConfig([CacheConfig], new Environment({ REDIS_URL: target, CACHE_TIMEOUT: '2s' }));
    const store = openStore(config, service, logger);
    const cache = new AsideCache(store, config, service, metrics, logger);
    caches.push(cache);
    return {
      cache,
      ready: async () => {
        await expect.poll(() => isUp(store)).toBe(true);
      },
    };
  };
  const results = async () => {
    const { values } = await metrics.registry.getSingleMetric('cache_requests_total')!.get();
    return Object.fromEntries(values.map(({ labels, value }) => [labels['result'], value]));
  };

  beforeEach(() => {
    service = `test-${randomUUID()}`;
    metrics = new Metrics();
    caches = [];
  });
  afterEach(async () => {
    for (const cache of caches) await cache.close();
  });

  it('loads once and then answers from the cache', async () => {
    const { cache, ready } = open();
    await ready();
    let loads = 0;
    const get = () => cache.getOrLoad('k', async () => bytes(`v${++loads}`));
    expect(String(await get())).toBe('v1');
    expect(String(await get())).toBe('v1');
    expect(await results()).toEqual({ miss: 1, hit: 1 });
  });

  it('loads once however many wait', async () => {
    const { cache, ready } = open();
    await ready();
    let loads = 0;
    const get = () => cache.getOrLoad('k', async () => bytes(`v${++loads}`));
    const all = await Promise.all(Array.from({ length: 100 }, get));
    expect(new Set(all.map(String))).toEqual(new Set(['v1']));
    expect(await results()).toMatchObject({ miss: 1, wait: 99 });
  });

  it('remembers that something does not exist, with the reason', async () => {
    const { cache, ready } = open();
    await ready();
    let loads = 0;
    const get = () =>
      cache.getOrLoad('k', async () => {
        loads += 1;
        throw new NotFound('no k', { reason: 'K_NOT_FOUND' });
      });
    await expect(get()).rejects.toMatchObject({ constructor: NotFound, reason: 'K_NOT_FOUND' });
    await expect(get()).rejects.toMatchObject({ constructor: NotFound, reason: 'K_NOT_FOUND', message: 'no k' });
    expect(loads).toBe(1);
  });

  it('does not remember any other failure', async () => {
    const { cache, ready } = open();
    await ready();
    await expect(cache.getOrLoad('k', () => Promise.reject(new Error('once')))).rejects.toThrow('once');
    expect(String(await cache.getOrLoad('k', async () => bytes('v')))).toBe('v');
  });

  it('forgets what is invalidated, everything else stays', async () => {
    const { cache, ready } = open();
    await ready();
    const get = (key: string, value: string) =>
      cache.getOrLoad(key, async () => bytes(value), { tags: [`tag:${key}`] });
    await get('a', 'a1');
    await get('b', 'b1');
    await cache.invalidate(['tag:a']);
    expect(String(await get('a', 'a2'))).toBe('a2');
    expect(String(await get('b', 'b2'))).toBe('b1');
  });

  it('never serves a value whose load began before the invalidation, however late it is stored', async () => {
    const { cache, ready } = open();
    await ready();
    const options = { tags: ['t'] };
    let finish = (_value: Uint8Array) => {};
    const loading = new Promise<void>((started) => {
      void cache.getOrLoad('k', () => new Promise((resolve) => ((finish = resolve), started())), options);
    });
    await loading;
    await cache.invalidate(['t']);
    finish(bytes('stale'));
    expect(String(await cache.getOrLoad('k', async () => bytes('new'), options))).toBe('new');
    expect(String(await cache.getOrLoad('k', async () => bytes('newer'), options))).toBe('new');
  });

  it('drops a corrupt value and loads again', async () => {
    const [config] = loadConfig([CacheConfig], new Environment({ REDIS_URL: url() }));
    const store = openStore(config, service, logger);
    const cache = new AsideCache(store, config, service, metrics, logger);
    caches.push(cache);
    await expect.poll(() => isUp(store)).toBe(true);
    await store.keyv.set(`${service}:k`, 'garbage');
    expect(String(await cache.getOrLoad('k', async () => bytes('v')))).toBe('v');
    expect(String(await cache.getOrLoad('k', async () => bytes('w')))).toBe('v');
  });
});

it('is a cache that misses while Redis cannot be reached', async () => {
  const metrics = new Metrics();
  const [config] = loadConfig(
    [CacheConfig],
    new Environment({ REDIS_URL: 'redis://127.0.0.1:1', CACHE_TIMEOUT: '50ms' }),
  );
  const store = openStore(config, 'test', logger);
  const cache = new AsideCache(store, config, 'test', metrics, logger);
  let loads = 0;
  const get = () => cache.getOrLoad('k', async () => bytes(`v${++loads}`));
  expect(String(await get())).toBe('v1');
  expect(String(await get())).toBe('v2');
  await expect(cache.invalidate(['t'])).resolves.toBeUndefined();
  await expect(store.dependency.check()).rejects.toThrow();
  await cache.close();
});

it('invalidates in every replica as soon as Redis takes it again', async () => {
  const service = `test-${randomUUID()}`;
  const admin = createClient({ url: inject('redisUrl') });
  await admin.connect();
  const acl = (...rules: string[]) => admin.sendCommand(['ACL', 'SETUSER', service, ...rules]);
  await acl('on', '>secret', '~*', '&*', '+@all');
  const open = (url: string) => {
    const [config] = loadConfig([CacheConfig], new Environment({ REDIS_URL: url, CACHE_TIMEOUT: '2s' }));
    const store = openStore(config, service, logger);
    return { store, cache: new AsideCache(store, config, service, new Metrics(), logger) };
  };
  const writer = open(inject('redisUrl').replace('redis://', `redis://${service}:secret@`));
  const reader = open(inject('redisUrl'));
  await expect.poll(async () => (await isUp(writer.store)) && (await isUp(reader.store))).toBe(true);
  const get = async ({ cache }: typeof reader, value: string) =>
    String(await cache.getOrLoad('k', async () => bytes(value), { tags: ['t'] }));
  expect([await get(writer, 'old'), await get(reader, 'never')]).toEqual(['old', 'old']);

  // Redis keeps its data and refuses the writer's: the change is made, its invalidation cannot be.
  await acl('-set');
  await writer.cache.invalidate(['t']);
  expect([await get(writer, 'new'), await get(reader, 'never')]).toEqual(['new', 'old']);

  await acl('+set');
  await expect.poll(() => get(reader, 'new')).toBe('new');
  await Promise.all([writer.cache.close(), reader.cache.close()]);
  await admin.sendCommand(['ACL', 'DELUSER', service]);
  admin.destroy();
});
