import { type TestDatabase, createTestDatabase } from '@rookery/testing';
import pg from 'pg';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { callOf, openDatabaseApp } from './database-app.fixture.js';
import { PostgresProxy } from './postgres-proxy.fixture.js';

const STATE = 'SELECT state FROM pg_stat_activity WHERE pid = $1';

let database: TestDatabase;
let proxy: PostgresProxy;
let app: Awaited<ReturnType<typeof openDatabaseApp>> | undefined;

beforeEach(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  proxy = await PostgresProxy.before(database.url);
});
afterEach(async () => {
  await app?.close();
  await proxy.close();
  await database.drop();
});

it('hits the statement it is meant for and nobody else’s, however late it arrives', async () => {
  app = await openDatabaseApp(proxy.url, { DATABASE_POOL_MAX: '1' });
  const { dataSource, pool } = app;
  const [{ pid }] = await dataSource.query('SELECT pg_backend_pid() AS pid');
  const observer = new pg.Client({ connectionString: database.url });
  await observer.connect();
  const state = async () => (await observer.query(STATE, [pid])).rows;
  await observer.query('SELECT pg_advisory_lock(1)');
  const letGo = proxy.holdCancels();
  const one = callOf();
  const cancelled = one.run(() => dataSource.query('SELECT pg_advisory_xact_lock(1)'));
  await expect.poll(state).toEqual([{ state: 'active' }]);
  one.cancel();
  await expect(cancelled).rejects.toBe(one.left);
  await expect.poll(() => proxy.seen).toContain('cancel plain');

  // The statement ends by itself, and the next one wants its connection.
  await observer.query('SELECT pg_advisory_unlock(1)');
  await expect.poll(state).toEqual([{ state: 'idle' }]);
  const next = dataSource.query('SELECT pg_backend_pid() AS pid FROM pg_sleep(0.2)');
  await expect.poll(pool).toEqual({ open: 1, busy: 1, waiting: 1 });
  expect(await state()).toEqual([{ state: 'idle' }]);
  letGo();
  expect(await next).toEqual([{ pid }]);
  await observer.end();
});

it('goes over TLS when the pool does, to a server whose name is checked', async () => {
  const { ca } = proxy.certificates;
  app = await openDatabaseApp(`${proxy.url}?sslmode=verify-full&sslrootcert=${encodeURIComponent(ca)}`);
  const { dataSource, pool } = app;
  const one = callOf({ timeout: 200 });
  await expect(one.run(() => dataSource.query('SELECT pg_sleep(5)'))).rejects.toBe(one.late);
  await expect.poll(pool, { timeout: 500 }).toMatchObject({ busy: 0 });
  expect(proxy.seen.filter((line) => line.startsWith('cancel'))).toEqual(['cancel tls']);
  expect(proxy.seen).not.toContain('session plain');
});

it('shows the certificate of the pool to a server that asks for it', async () => {
  const { ca, client } = proxy.certificates;
  const files = new URLSearchParams({
    sslmode: 'verify-full',
    sslrootcert: ca,
    sslcert: client.cert,
    sslkey: client.key,
  });
  app = await openDatabaseApp(`${proxy.url}?${files}`);
  const { dataSource, pool } = app;
  const one = callOf({ timeout: 200 });
  await expect(one.run(() => dataSource.query('SELECT pg_sleep(5)'))).rejects.toBe(one.late);
  await expect.poll(pool, { timeout: 500 }).toMatchObject({ busy: 0 });
  expect(new Set(proxy.seen)).toEqual(new Set(['session tls as client', 'cancel tls as client']));
});
