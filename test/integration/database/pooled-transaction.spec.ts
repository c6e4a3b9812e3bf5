import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callOf } from './database-app.fixture.js';
import { type ObservedApp, openObservedApp } from './observed-app.fixture.js';
import { add } from './transactions.fixture.js';

/** One connection: who comes next gets what the one before has left. */
let app: ObservedApp;
beforeAll(async () => (app = await openObservedApp({ DATABASE_POOL_MAX: '1' }, '')));
afterAll(() => app.close());
beforeEach(async () => {
  await app.observer.query('DELETE FROM rows');
  app.logged.length = 0;
});

const GIVEN_BACK = 'a connection was given back within a transaction, which is undone';

async function nextOneIsAlone(): Promise<void> {
  await app.transactions.run((tx) => add(tx, 'next'));
  expect(await app.names()).toEqual(['next']);
}

describe.each([
  { where: 'in a call', within: <T>(work: () => Promise<T>) => callOf().run(work) },
  { where: 'outside of a call', within: <T>(work: () => Promise<T>) => work() },
])('a connection that is given back $where', ({ within }) => {
  it('within a transaction is closed, and the log says so', async () => {
    const closed = app.closed();
    await within(async () => {
      const runner = app.dataSource.createQueryRunner();
      await runner.startTransaction();
      await add(runner.manager, 'lost');
      await runner.release();
    });
    await nextOneIsAlone();
    expect(app.logged).toEqual([GIVEN_BACK]);
    expect(app.closed()).toBe(closed + 1);
  });

  it('while the first statement of a transaction runs is closed as well', async () => {
    const closed = app.closed();
    await within(async () => {
      const runner = app.dataSource.createQueryRunner();
      await runner.startTransaction();
      const late = add(runner.manager, 'lost');
      await new Promise((resolve) => setImmediate(resolve));
      await runner.release();
      await late;
    });
    await nextOneIsAlone();
    expect(app.logged).toEqual([GIVEN_BACK]);
    expect(app.closed()).toBe(closed + 1);
  });

  it('while a statement runs for long is closed as well', async () => {
    const closed = app.closed();
    await within(async () => {
      const runner = app.dataSource.createQueryRunner();
      await runner.connect();
      const late = runner.query('SELECT pg_sleep(20)');
      late.catch(() => undefined);
      await new Promise((resolve) => setImmediate(resolve));
      await runner.release();
      await expect(late).rejects.toThrow();
    });
    await nextOneIsAlone();
    expect(app.logged).toEqual([expect.stringMatching(/^a connection was given back \d+ ms ago/)]);
    expect(app.closed()).toBe(closed + 1);
  });

  it('within a transaction that cannot go on is closed as well', async () => {
    const closed = app.closed();
    await within(async () => {
      const runner = app.dataSource.createQueryRunner();
      await runner.startTransaction();
      await expect(runner.query('SELECT nothing')).rejects.toThrow();
      await runner.release();
    });
    await nextOneIsAlone();
    expect(app.logged).toEqual([GIVEN_BACK]);
    expect(app.closed()).toBe(closed + 1);
  });

  it('before its transaction has sent anything is as good as new', async () => {
    const closed = app.closed();
    await within(async () => {
      const runner = app.dataSource.createQueryRunner();
      await runner.startTransaction();
      await runner.release();
    });
    await app.dataSource.query('INSERT INTO rows VALUES ($1)', ['alone']);
    expect(await app.names()).toEqual(['alone']);
    expect(app.logged).toEqual([]);
    expect(app.closed()).toBe(closed);
  });

  it('after a statement that failed is as good as new', async () => {
    const closed = app.closed();
    for (const text of ['SELECT nothing', 'not SQL']) {
      await within(async () => expect(app.dataSource.query(text)).rejects.toThrow());
      await within(async () => expect(app.transactions.run((tx) => tx.query(text))).rejects.toThrow());
    }
    await nextOneIsAlone();
    expect(app.logged).toEqual([]);
    expect(app.closed()).toBe(closed);
  });

  it('by a transaction whose rollback a subscriber prevented is closed', async () => {
    const closed = app.closed();
    const subscriber = {
      beforeTransactionRollback: () => {
        throw new Error('a subscriber fails');
      },
    };
    app.dataSource.subscribers.push(subscriber);
    const failed = within(() =>
      app.dataSource.transaction(async (tx) => {
        await add(tx, 'lost');
        throw new Error('no');
      }),
    );
    await expect(failed).rejects.toThrow('no');
    app.dataSource.subscribers.splice(app.dataSource.subscribers.indexOf(subscriber), 1);
    await nextOneIsAlone();
    expect(app.logged).toEqual([GIVEN_BACK]);
    expect(app.closed()).toBe(closed + 1);
  });
});

it('a transaction is rolled back also when a subscriber fails at that', async () => {
  const closed = app.closed();
  const subscriber = {
    beforeTransactionRollback: () => {
      throw new Error('a subscriber fails');
    },
  };
  app.dataSource.subscribers.push(subscriber);
  const failed = app.transactions.run(async (tx) => {
    await add(tx, 'lost');
    throw new Error('no');
  });
  await expect(failed).rejects.toThrow('no');
  app.dataSource.subscribers.splice(app.dataSource.subscribers.indexOf(subscriber), 1);
  await nextOneIsAlone();
  expect(app.logged).toEqual([]);
  expect(app.closed()).toBe(closed);
});
