import { Unavailable } from '@rookery/errors';
import { type TestDatabase, createTestDatabase } from '@rookery/testing';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { openDatabaseApp, timed } from './database-app.fixture.js';
import { PostgresProxy } from './postgres-proxy.fixture.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
});
afterAll(() => database.drop());

it('a call waits for a connection as long as it may, and is told that there is none', async () => {
  const app = await openDatabaseApp(database.url, { DATABASE_POOL_MAX: '1', DATABASE_CONNECT_TIMEOUT: '200ms' });
  const holder = app.dataSource.createQueryRunner();
  await holder.connect();
  const waiting = timed(app.dataSource.query('SELECT 1'));
  expect(await app.metric('database_pool_connections', { pool: 'primary', state: 'waiting' })).toBe(1);
  expect(await app.metric('database_pool_connections', { pool: 'primary', state: 'in_use' })).toBe(1);
  const { ms, error } = await waiting;
  expect(error).toBeInstanceOf(Unavailable);
  expect(ms).toBeGreaterThan(190);
  expect(ms).toBeLessThan(600);
  await holder.release();
  expect(await app.dataSource.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  expect(await app.metric('database_pool_connections', { pool: 'primary', state: 'idle' })).toBe(1);
  expect(await app.metric('database_connection_errors_total', { pool: 'primary', reason: 'wait' })).toBe(1);
  expect(await app.metric('database_pool_wait_seconds_count', { pool: 'primary' })).toBeGreaterThanOrEqual(2);
  await app.close();
});

it('a server that takes no connection in time is Unavailable', async () => {
  const proxy = await PostgresProxy.before(database.url);
  const app = await openDatabaseApp(proxy.url, { DATABASE_CONNECT_TIMEOUT: '200ms', DATABASE_POOL_MAX: '5' });
  const holder = app.dataSource.createQueryRunner();
  await holder.connect();
  proxy.freeze();
  const { ms, error } = await timed(app.dataSource.query('SELECT 1'));
  expect(error).toBeInstanceOf(Unavailable);
  expect(ms).toBeLessThan(600);
  expect(await app.metric('database_connection_errors_total', { pool: 'primary', reason: 'connect' })).toBe(1);
  proxy.thaw();
  await holder.release();
  await app.close();
  await proxy.close();
});

it('connections that were opened together end one after the other, before their time is over', async () => {
  const app = await openDatabaseApp(database.url, {
    DATABASE_POOL_MAX: '8',
    DATABASE_POOL_MAX_IDLE: '8',
    DATABASE_POOL_MAX_LIFETIME: '3s',
  });
  const since = performance.now();
  await Promise.all(Array.from({ length: 8 }, () => app.dataSource.query('SELECT pg_sleep(0.1)')));
  expect(app.pool()).toEqual({ open: 8, busy: 0, waiting: 0 });
  const ends: number[] = [];
  await expect
    .poll(
      () => {
        while (ends.length < app.closed()) ends.push(performance.now() - since);
        return ends.length;
      },
      { interval: 5, timeout: 6_000 },
    )
    .toBe(8);
  expect(ends[0]).toBeGreaterThan(2_500);
  expect(ends.at(-1)! - ends[0]!).toBeGreaterThan(20);
  expect(await app.dataSource.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await app.close();
});
