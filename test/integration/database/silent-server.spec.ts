import { setImmediate as turn } from 'node:timers/promises';
import { Unavailable } from '@rookery/errors';
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

describe('on a server that has fallen silent, what waits for nothing of it any more', () => {
  /** Milliseconds: what each connection, and then the pool, may take. */
  const BOUND = 5_000;

  it('stops', async () => {
    app = await openDatabaseApp(proxy.url);
    await app.dataSource.query('SELECT 1');
    proxy.freeze();
    const { ms, error } = await timed(app.close());
    app = undefined;
    expect(error).toBeUndefined();
    expect(ms).toBeLessThan(BOUND);
  });

  it('fails to start', async () => {
    // The first one is the control connection, which then has nothing to do.
    proxy.freezeAt(2);
    const { ms, error } = await timed(openDatabaseApp(proxy.url, { DATABASE_CONNECT_TIMEOUT: '200ms' }));
    expect(String(error)).toContain('timeout');
    expect(ms).toBeLessThan(BOUND);
  });
});

describe('a connection that is given up while its call is wound up', () => {
  const unhandled: unknown[] = [];
  const hear = (reason: unknown) => unhandled.push(reason);
  beforeEach(() => {
    unhandled.length = 0;
    process.on('unhandledRejection', hear);
  });
  afterEach(() => {
    process.off('unhandledRejection', hear);
  });
  const none = async () => {
    await turn();
    expect(unhandled).toEqual([]);
  };

  it('ends nothing else when it breaks before ROLLBACK is answered', async () => {
    app = await openDatabaseApp(proxy.url, { DATABASE_POOL_MAX: '1' });
    const { transactions, closed, dataSource } = app;
    const one = callOf();
    let goOn = () => {};
    const elsewhere = new Promise<void>((resolve) => (goOn = resolve));
    const writing = timed(
      one.run(() =>
        transactions.run(async (tx) => {
          await tx.query('SELECT 1');
          proxy.freeze();
          one.cancel();
          await elsewhere;
        }),
      ),
    );
    await expect.poll(() => one.signal.aborted).toBe(true);
    proxy.reset();
    await expect.poll(closed).toBe(1);
    goOn();
    expect((await writing).error).toBeInstanceOf(Error);
    await none();
    proxy.thaw();
    expect(await dataSource.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('ends nothing else when COMMIT is never answered', async () => {
    app = await openDatabaseApp(proxy.url, { DATABASE_POOL_MAX: '1', DATABASE_STATEMENT_TIMEOUT: '100ms' });
    const { transactions, closed } = app;
    const change = timed(
      callOf({ timeout: 200 }).run(() =>
        transactions.run(async (tx) => {
          await tx.query('SELECT 1');
          proxy.freeze();
        }),
      ),
    );
    expect((await change).error).toMatchObject({ constructor: Unavailable, reason: 'COMMIT_OUTCOME_UNKNOWN' });
    await expect.poll(closed).toBe(1);
    await none();
    proxy.thaw();
  });
});
