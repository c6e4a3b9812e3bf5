import { DeadlineExceeded } from '@rookery/errors';
import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TransactionsApp, add, openTransactionsApp } from './transactions.fixture.js';

let app: TransactionsApp;
beforeAll(async () => (app = await openTransactionsApp()));
afterAll(() => app.close());
beforeEach(() => app.reset());

describe('a transaction', () => {
  it('does not pass for committed when the failure of a statement was swallowed', async () => {
    let ran = false;
    const change = app.transactions.run(async (tx) => {
      app.transactions.afterCommit(tx, () => (ran = true));
      await add(tx, 'lost');
      await add(tx, 'lost').catch(() => undefined);
    });
    await expect(change).rejects.toThrow('rolled back instead of committed');
    expect(ran).toBe(false);
    expect(await app.names()).toEqual([]);
  });
});

describe('a hook after the commit', () => {
  it('is refused where nobody would run it', async () => {
    const { transactions, dataSource } = app;
    const hook = (tx: EntityManager) => () => transactions.afterCommit(tx, () => undefined);
    let left: EntityManager | undefined;
    await transactions.run(async (tx) => void (left = tx));
    await dataSource.transaction(async (tx) => expect(hook(tx)).toThrow('Transactions.run()'));
    for (const tx of [left!, dataSource.manager]) expect(hook(tx)).toThrow('Transactions.run()');
    expect(transactions.tryAfterCommit(dataSource.manager, () => undefined)).toBe(false);
  });
});

describe('a statement that nobody waited for', () => {
  /** More attempts than the ROLLBACK takes turns of the event loop. */
  const TURNS = 400;

  it.each(['rolled back', 'committed'])('is refused once its transaction is being %s', async (outcome) => {
    const late: Promise<unknown>[] = [];
    const change = app.transactions.run(async (tx) => {
      await add(tx, 'awaited');
      const straggler = async () => {
        for (let turn = 0; turn < TURNS; turn += 1) {
          await new Promise((resolve) => setImmediate(resolve));
          late.push(
            add(tx, `late ${turn}`),
            app.transactions.runWithNext(tx, { text: 'INSERT INTO rows VALUES ($1)' }, [`${turn}`]),
          );
          late.slice(-2).forEach((one) => one.catch(() => undefined));
        }
      };
      late.push(straggler());
      if (outcome === 'rolled back') throw new Error('no');
    });
    await change.catch(() => undefined);
    const [straggler] = late;
    await straggler;
    const refused = (await Promise.allSettled(late)).filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(2 * TURNS);
    expect(await app.names()).toEqual(outcome === 'committed' ? ['awaited'] : []);
  });
});

describe('a transaction that waits for something else', () => {
  it('is ended by the server, and is not repeated', async () => {
    let attempts = 0;
    const idle = app.transactions.run(
      async (tx) => {
        attempts += 1;
        await add(tx, 'idle');
        await expect.poll(() => tx.queryRunner?.isReleased, { interval: 10 }).toBe(true);
        await add(tx, 'too late');
      },
      { retries: 3 },
    );
    await expect(idle).rejects.toBeInstanceOf(DeadlineExceeded);
    expect(attempts).toBe(1);
    expect(await app.names()).toEqual([]);
  });
});

it('transactions are counted by how they ended', async () => {
  const count = (outcome: string) => app.metric('database_transaction_seconds_count', { outcome });
  const [committed, rolledBack] = [await count('committed'), await count('rolled_back')];
  await app.transactions.run((tx) => add(tx, 'one'));
  await app.transactions.run(() => Promise.reject(new Error('no'))).catch(() => undefined);
  expect([await count('committed'), await count('rolled_back')]).toEqual([committed + 1, rolledBack + 1]);
});
