import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { AsideCache, CacheConfig } from '@rookery/cache';
import { Environment, loadConfig } from '@rookery/config';
import { callContext } from '@rookery/context';
import { Metrics } from '@rookery/observability';
import { type TestDatabase, createTestDatabase } from '@rookery/testing';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, expect, inject, it } from 'vitest';
import { randomUUID } from 'node:crypto';
import { openStore } from '../../../libs/cache/src/open-store.js';
import { callOf, openDatabaseApp, timed } from '../database/database-app.fixture.js';

const SLOW = 'SELECT pg_sleep(5)';

let database: TestDatabase;
let app: Awaited<ReturnType<typeof openDatabaseApp>>;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  app = await openDatabaseApp(database.url);
});
afterAll(async () => {
  await app.close();
  await database.drop();
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function openCache(redisUrl = inject('redisUrl')): Promise<AsideCache> {
  const logger = pino({ level: 'silent' });
  const service = `test-${randomUUID()}`;
  const [config] = loadConfig([CacheConfig], new Environment({ REDIS_URL: redisUrl, CACHE_TIMEOUT: '5s' }));
  const cache = new AsideCache(openStore(config, service, logger).store, config, service, new Metrics(), logger);
  closing.push(() => cache.close());
  const isUp = () =>
    cache.dependency.check().then(
      ({ up }) => up,
      () => false,
    );
  await expect.poll(isUp).toBe(true);
  return cache;
}

const running = async () => {
  const rows: { query: string }[] = await app.dataSource.query(
    `SELECT query FROM pg_stat_activity
     WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()`,
  );
  return rows.map(({ query }) => query);
};

it('loads on for the callers that are left when the first one leaves', async () => {
  const cache = await openCache();
  const [first, second] = [callOf(), callOf({ timeout: 30_000 })];
  let finish = (_value: Uint8Array) => {};
  const value = new Promise<Uint8Array>((resolve) => (finish = resolve));
  let load: AbortSignal | undefined;
  const get = () =>
    cache.getOrLoad('k', async () => {
      load = callContext()?.signal;
      const bytes = await value;
      // Work in the database is the load's, not the first caller's.
      await app.dataSource.query('SELECT 1');
      return bytes;
    });
  const leaving = timed(first.run(get));
  await expect.poll(() => load).toBeDefined();
  const staying = second.run(get);
  const outside = get();
  first.cancel();
  expect((await leaving).error).toBe(first.left);
  expect(load?.aborted).toBe(false);
  finish(Buffer.from('value'));
  expect([String(await staying), String(await outside)]).toEqual(['value', 'value']);
  expect(String(await cache.getOrLoad('k', () => Promise.reject(new Error('not cached'))))).toBe('value');
});

it('ends a load when the last caller has left, and loads anew for the next', async () => {
  const cache = await openCache();
  const calls = [callOf({ timeout: 150 }), callOf(), callOf({ timeout: 30_000 })] as const;
  const slow = () => cache.getOrLoad('k', async () => (await app.dataSource.query(SLOW), Buffer.from('slow')));
  const waiting = calls.map((call) => timed(call.run(slow)));
  await expect.poll(running).toEqual([SLOW]);
  const { ms, error } = await waiting[0]!;
  expect(error).toBe(calls[0].late);
  expect(ms).toBeLessThan(250);
  expect(await running()).toEqual([SLOW]);
  calls[1].cancel();
  expect((await waiting[1]!).error).toBe(calls[1].left);
  expect(await running()).toEqual([SLOW]);

  calls[2].cancel();
  const next = callOf().run(() => cache.getOrLoad('k', async () => Buffer.from('new')));
  expect((await waiting[2]!).error).toBe(calls[2].left);
  expect(String(await next)).toBe('new');
  await expect.poll(running, { timeout: 300, interval: 10 }).toEqual([]);
});

it('asks nothing for a call that has ended', async () => {
  const cache = await openCache();
  const one = callOf();
  one.cancel();
  let loads = 0;
  const get = () => cache.getOrLoad('k', async () => Buffer.from(`${(loads += 1)}`));
  await expect(one.run(get)).rejects.toBe(one.left);
  expect(loads).toBe(0);
});

it('lets a call go at its deadline while Redis is silent', async () => {
  const redis = new URL(inject('redisUrl'));
  const sockets = new Set<Socket>();
  const proxy = createServer((socket) => {
    const upstream = connect(Number(redis.port), redis.hostname);
    for (const end of [socket, upstream]) sockets.add(end.on('error', () => end.destroy()));
    socket.pipe(upstream).pipe(socket);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => proxy.close(resolve));
  });
  const url = new URL(redis);
  url.port = String((proxy.address() as AddressInfo).port);
  const cache = await openCache(url.href);
  for (const socket of sockets) socket.pause();

  const one = callOf({ timeout: 150 });
  let loads = 0;
  const get = () => cache.getOrLoad('k', async () => Buffer.from(`${(loads += 1)}`));
  const { ms, error } = await timed(one.run(get));
  expect(error).toBe(one.late);
  expect(ms).toBeLessThan(250);
  expect(loads).toBe(0);
});
