import { Aborted, DeadlineExceeded } from '@rookery/errors';
import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callOf, openDatabaseApp, timed } from './database-app.fixture.js';
import { type TransactionsApp, openTransactionsApp } from './transactions.fixture.js';

let app: TransactionsApp;
beforeAll(async () => (app = await openTransactionsApp()));
afterAll(() => app.close());
beforeEach(() => app.reset());

describe('a conflict', () => {
  /** Both read both accounts and take from one: only a serialization failure keeps the sum from being negative. */
  const withdraw = (from: string, met: () => Promise<void>, retries?: number) =>
    app.transactions.run(
      async (tx) => {
        const [{ sum }] = await tx.query<[{ sum: string }]>('SELECT sum(balance) FROM accounts');
        await met();
        if (Number(sum) < 150) return 'refused';
        await tx.query('UPDATE accounts SET balance = balance - 150 WHERE name = $1', [from]);
        return 'paid';
      },
      { isolation: 'SERIALIZABLE', retries },
    );
  /** Lets the first two go on together; whoever comes later is not held up. */
  const meeting = () => {
    let count = 0;
    let both = () => {};
    const met = new Promise<void>((resolve) => (both = resolve));
    return async () => {
      count += 1;
      if (count === 2) both();
      await met;
    };
  };

  it('of serializable transactions has one repeated, which sees what the other has done', async () => {
    const before = await app.metric('database_repeats_total', { work: 'transaction', reason: 'conflict' });
    const met = meeting();
    expect((await Promise.all([withdraw('a', met), withdraw('b', met)])).sort()).toEqual(['paid', 'refused']);
    expect(await app.metric('database_repeats_total', { work: 'transaction', reason: 'conflict' })).toBe(before + 1);
  });

  it('is Aborted when it may not be repeated', async () => {
    const met = meeting();
    const results = await Promise.allSettled([withdraw('a', met, 0), withdraw('b', met, 0)]);
    const failed = results.filter((result) => result.status === 'rejected');
    expect(failed.map(({ reason }) => reason)).toEqual([expect.any(Aborted)]);
  });

  it('by a deadlock is repeated as well', async () => {
    const met = meeting();
    const update = (tx: EntityManager, name: string) =>
      tx.query('UPDATE accounts SET balance = balance + 1 WHERE name = $1', [name]);
    // The server looks for deadlocks after a second, in which nobody may be ended for being idle.
    const patient = await openDatabaseApp(app.url, { DATABASE_POOL_MAX: '2' });
    const swap = (one: string, other: string) =>
      patient.transactions.run(
        async (tx) => {
          await update(tx, one);
          await met();
          await update(tx, other);
        },
        { retries: 2 },
      );
    await Promise.all([swap('a', 'b'), swap('b', 'a')]);
    await patient.close();
    expect((await app.observer.query('SELECT sum(balance)::int AS sum FROM accounts')).rows).toEqual([{ sum: 204 }]);
  });

  it('is not repeated beyond the deadline of the call', async () => {
    let attempts = 0;
    const one = callOf({ timeout: 300 });
    const { ms, error } = await timed(
      one.run(() =>
        app.transactions.run(
          async (tx) => {
            attempts += 1;
            await tx.query(`DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$`);
          },
          { retries: 1_000 },
        ),
      ),
    );
    expect(error === one.late || error instanceof Aborted || error instanceof DeadlineExceeded).toBe(true);
    expect(attempts).toBeGreaterThan(1);
    expect(ms).toBeLessThan(500);
  });

  it('that business code reports is its own affair', async () => {
    let attempts = 0;
    const refused = app.transactions.run(
      async () => {
        attempts += 1;
        throw new Aborted('not now');
      },
      { retries: 3 },
    );
    await expect(refused).rejects.toThrow('not now');
    expect(attempts).toBe(1);
  });
});
