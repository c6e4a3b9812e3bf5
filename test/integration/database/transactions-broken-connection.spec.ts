import { Unavailable } from '@rookery/errors';
import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openDatabaseApp, timed } from './database-app.fixture.js';
import { SLOW_COMMIT } from './observed-app.fixture.js';
import { PostgresProxy } from './postgres-proxy.fixture.js';
import { type TransactionsApp, add, openTransactionsApp } from './transactions.fixture.js';

let app: TransactionsApp;
beforeAll(async () => (app = await openTransactionsApp()));
afterAll(() => app.close());
beforeEach(() => app.reset());

const endSession = async (tx: EntityManager) => {
  const [{ pid }] = await tx.query<[{ pid: number }]>('SELECT pg_backend_pid() AS pid');
  await app.observer.query('SELECT pg_terminate_backend($1)', [pid]);
};

describe('a connection that breaks', () => {
  it('in the middle has the work repeated where that was asked for, with the hooks of the last attempt', async () => {
    let attempts = 0;
    const ran: number[] = [];
    await app.transactions.run(
      async (tx) => {
        const attempt = (attempts += 1);
        app.transactions.afterCommit(tx, () => ran.push(attempt));
        await add(tx, 'once');
        if (attempt === 1) await endSession(tx);
        await tx.query('SELECT 1');
      },
      { retries: 1 },
    );
    expect(await app.names()).toEqual(['once']);
    expect(ran).toEqual([2]);
  });

  it('in the middle fails the work otherwise', async () => {
    let attempts = 0;
    const broken = app.transactions.run(async (tx) => {
      attempts += 1;
      await endSession(tx);
      await tx.query('SELECT 1');
    });
    await expect(broken).rejects.toBeInstanceOf(Unavailable);
    expect(attempts).toBe(1);
  });

  it('while it is being committed is not repeated: perhaps it was', async () => {
    await app.observer.query('SELECT pg_advisory_lock($1)', [SLOW_COMMIT]);
    let attempts = 0;
    let pid = 0;
    const change = timed(
      app.transactions.run(
        async (tx) => {
          attempts += 1;
          [{ pid }] = (await tx.query<{ pid: number }[]>('SELECT pg_backend_pid() AS pid')) as [{ pid: number }];
          await add(tx, 'slow');
        },
        { retries: 3 },
      ),
    );
    const running = async () =>
      (await app.observer.query('SELECT query FROM pg_stat_activity WHERE pid = $1', [pid])).rows[0]?.query;
    await expect.poll(running).toBe('COMMIT');
    await app.observer.query('SELECT pg_terminate_backend($1)', [pid]);
    expect((await change).error).toMatchObject({ constructor: Unavailable, reason: 'COMMIT_OUTCOME_UNKNOWN' });
    await app.observer.query('SELECT pg_advisory_unlock($1)', [SLOW_COMMIT]);
    expect(attempts).toBe(1);
  });

  it('before the work has begun, or under a read, is noticed by nobody', async () => {
    const proxy = await PostgresProxy.before(app.url);
    const behind = await openDatabaseApp(proxy.url, { DATABASE_POOL_MAX: '1' });
    /** Dead, and not known to be: what it is told first gets no answer. */
    const breakAtNext = () => {
      proxy.freeze();
      setTimeout(() => {
        proxy.thaw();
        proxy.reset();
      }, 20);
    };
    let attempts = 0;
    breakAtNext();
    await behind.transactions.run(async (tx) => {
      attempts += 1;
      await add(tx, 'begun');
    });
    expect(attempts).toBe(1);
    expect(await app.names()).toEqual(['begun']);
    breakAtNext();
    const select = behind.dataSource.createQueryBuilder().select('balance').from('accounts', 'account');
    expect(await select.where(`name = 'a'`).getRawMany()).toEqual([{ balance: 100 }]);
    breakAtNext();
    // What it does is not known: it may have been done.
    await expect(behind.dataSource.query(`SELECT 1`)).rejects.toBeInstanceOf(Unavailable);
    expect(await behind.metric('database_repeats_total', { work: 'read', reason: 'broken' })).toBe(1);
    expect(await behind.metric('database_connection_errors_total', { pool: 'primary', reason: 'broken' })).toBe(3);
    await behind.close();
    await proxy.close();
  });
});
