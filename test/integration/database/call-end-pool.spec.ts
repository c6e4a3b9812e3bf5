import { newId } from '@rookery/database';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CallEndApp, openCallEndApp } from './call-end.fixture.js';
import { callOf, timed } from './database-app.fixture.js';

let app: CallEndApp;
beforeAll(async () => (app = await openCallEndApp()));
afterAll(() => app.close());

describe('the pool', () => {
  it('is whole after thousands of calls have stopped waiting for it', async () => {
    const holders = [1, 2, 3].map(() => app.dataSource.createQueryRunner());
    for (const holder of holders) await holder.connect();
    const calls = Array.from({ length: 3_000 }, () => callOf());
    const waiting = calls.map(({ run }) => timed(run(() => app.dataSource.query('SELECT 1'))));
    await expect.poll(app.pool).toMatchObject({ busy: 3, waiting: 3_000 });
    for (const { cancel } of calls) cancel();
    const errors = (await Promise.all(waiting)).map(({ error }) => error);
    expect(errors).toEqual(calls.map(({ left }) => left));
    for (const holder of holders) await holder.release();
    await expect.poll(app.pool).toEqual({ open: 3, busy: 0, waiting: 0 });
    expect(await app.dataSource.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('keeps every other query whole while calls are ended at any moment', async () => {
    const ended = { inTime: 0, cancelled: 0 };
    const lane = async (length: number, work: (index: number) => Promise<void>) => {
      for (let index = 0; index < length; index += 1) await work(index);
    };
    const end = async (index: number) => {
      const one = callOf();
      const working = one.run(() =>
        index % 2 === 0
          ? app.transactions.run(async (tx) => {
              await tx.query('INSERT INTO rows VALUES ($1)', [newId()]);
              await tx.query('SELECT pg_sleep(0.01)');
            })
          : app.dataSource.query('SELECT pg_sleep(0.01)'),
      );
      // Anywhere between waiting for a connection and after the last answer.
      const timer = setTimeout(one.cancel, Math.random() * 50);
      const { error } = await timed(working);
      clearTimeout(timer);
      expect([undefined, one.left]).toContain(error);
      ended[error ? 'cancelled' : 'inTime'] += 1;
    };
    const leave = async (index: number) => {
      const sql = index % 2 === 0 ? 'SELECT $1::int AS n' : 'SELECT $1::int AS n FROM pg_sleep(0.003)';
      // In calls of their own, which nobody ends, and outside of any.
      const query = () => app.dataSource.query(sql, [index]);
      expect(await (index % 4 < 2 ? callOf().run(query) : query())).toEqual([{ n: index }]);
    };
    await Promise.all([...[1, 2, 3, 4].map(() => lane(50, end)), ...[1, 2, 3].map(() => lane(150, leave))]);
    expect(ended.inTime).toBeGreaterThan(0);
    expect(ended.cancelled).toBeGreaterThan(0);
    await expect.poll(app.pool).toEqual({ open: 3, busy: 0, waiting: 0 });
    expect(await app.running()).toEqual([]);
    const { rows } = await app.observer.query(
      `SELECT count(*)::int AS n FROM pg_locks WHERE relation = 'rows'::regclass`,
    );
    expect(rows).toEqual([{ n: 0 }]);
  });
});
