import { Aborted } from '@rookery/errors';
import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TransactionsApp, add, openTransactionsApp } from './transactions.fixture.js';

let app: TransactionsApp;
beforeAll(async () => (app = await openTransactionsApp()));
afterAll(() => app.close());
beforeEach(() => app.reset());

describe('a transaction within another one', () => {
  it('is not begun any more when that was rolled back', async () => {
    let goOn = () => {};
    const failed = new Promise<void>((resolve) => (goOn = resolve));
    let straggler: Promise<unknown> | undefined;
    const whole = app.transactions.run(async (tx) => {
      await add(tx, 'outer');
      straggler = failed.then(() => app.transactions.run((inner) => add(inner, 'inner')));
      throw new Error('no');
    });
    await expect(whole).rejects.toThrow('no');
    goOn();
    await expect(straggler).rejects.toThrow('was rolled back');
    expect(await app.names()).toEqual([]);
  });

  it('is committed with it, and rolled back alone', async () => {
    await app.transactions.run(async (tx) => {
      await add(tx, 'outer');
      await app.transactions.run((inner) => add(inner, 'kept'));
      const failed = app.transactions.run(async (inner) => {
        await add(inner, 'lost');
        throw new Error('no');
      });
      await expect(failed).rejects.toThrow('no');
      expect(await app.names()).toEqual([]);
    });
    expect(await app.names()).toEqual(['kept', 'outer']);
  });

  it('is undone with it', async () => {
    const whole = app.transactions.run(async () => {
      await app.transactions.run((inner) => add(inner, 'inner'));
      throw new Error('no');
    });
    await expect(whole).rejects.toThrow('no');
    expect(await app.names()).toEqual([]);
  });

  it('takes one connection for all, also when several run at once', async () => {
    const busy: number[] = [];
    await app.transactions.run(async () => {
      const nested = ['a', 'b', 'c'].map((name) =>
        app.transactions.run(async (inner) => {
          await add(inner, name);
          busy.push(app.pool().busy);
          if (name === 'b') throw new Error('no');
        }),
      );
      expect((await Promise.allSettled(nested)).map(({ status }) => status)).toEqual([
        'fulfilled',
        'rejected',
        'fulfilled',
      ]);
    });
    expect(busy).toEqual([1, 1, 1]);
    expect(await app.names()).toEqual(['a', 'c']);
  });

  it.each([
    {
      way: 'run',
      nested: (_tx: EntityManager, work: (inner: EntityManager) => Promise<void>) => app.transactions.run(work),
    },
    {
      way: 'tx.transaction',
      nested: (tx: EntityManager, work: (inner: EntityManager) => Promise<void>) => tx.transaction(work),
    },
  ])('has its hooks run after the whole, and not when it is rolled back ($way)', async ({ nested }) => {
    const ran: string[] = [];
    const hook = (tx: EntityManager, name: string) => app.transactions.afterCommit(tx, () => ran.push(name));
    await app.transactions.run(async (tx) => {
      hook(tx, 'before');
      await nested(tx, async (inner) => void hook(inner, 'kept'));
      const failed = nested(tx, async (inner) => {
        hook(inner, 'lost');
        throw new Error('no');
      });
      await expect(failed).rejects.toThrow('no');
      hook(tx, 'after');
      expect(ran).toEqual([]);
    });
    expect(ran).toEqual(['before', 'kept', 'after']);
  });

  it('is never repeated alone', async () => {
    let inner = 0;
    let outer = 0;
    const failing = app.transactions.run(
      async () => {
        outer += 1;
        await app.transactions.run(
          async (tx) => {
            inner += 1;
            await tx.query(`DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$`);
          },
          { retries: 5 },
        );
      },
      { retries: 1 },
    );
    await expect(failing).rejects.toBeInstanceOf(Aborted);
    expect({ inner, outer }).toEqual({ inner: 2, outer: 2 });
  });

  it('cannot ask for another isolation', async () => {
    const asking = app.transactions.run(async () => {
      await app.transactions.run((inner) => add(inner, 'x'), { isolation: 'SERIALIZABLE' });
    });
    await expect(asking).rejects.toThrow('SERIALIZABLE');
  });
});
