import { type TestDatabase, createTestDatabase } from '@rookery/testing';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { callOf, openDatabaseApp, timed } from './database-app.fixture.js';
import { PostgresProxy } from './postgres-proxy.fixture.js';

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

describe('on a server that has fallen silent', () => {
  it.each([
    { what: 'a statement', work: () => app!.dataSource.query('SELECT 1') },
    { what: 'a transaction', work: () => app!.transactions.run((tx) => tx.query('SELECT 1')) },
  ])('$what ends with its call, and the pool is whole again when the server is', async ({ work }) => {
    app = await openDatabaseApp(proxy.url, { DATABASE_POOL_MAX: '2', DATABASE_STATEMENT_TIMEOUT: '30s' });
    const silent = app;
    proxy.freeze();
    const calls = [1, 2, 3, 4].map(async () => {
      const one = callOf({ timeout: 200 });
      const { ms, error } = await timed(one.run(work));
      expect(error).toBe(one.late);
      expect(ms).toBeLessThan(300);
    });
    await Promise.all(calls);
    proxy.thaw();
    await expect.poll(() => silent.dataSource.query('SELECT 1 AS one').catch(String)).toEqual([{ one: 1 }]);
    await expect.poll(silent.pool).toMatchObject({ busy: 0, waiting: 0 });
  });
});
