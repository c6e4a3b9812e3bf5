import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from '@rookery/errors';
import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ObservedApp, openObservedApp } from './observed-app.fixture.js';
import { add } from './transactions.fixture.js';

/** One connection: who comes next gets what the one before has left. */
let app: ObservedApp;
beforeAll(async () => (app = await openObservedApp({ DATABASE_POOL_MAX: '1' }, '')));
afterAll(() => app.close());
beforeEach(async () => {
  await app.observer.query('DELETE FROM rows');
});

const NOT_AWAITED = 'a transaction within this one was still open at its end';

/** Work that adds the row `slow` and then, when it is let go, the row `slower`. */
function slow() {
  let begun = () => {};
  let letGo = () => {};
  const hasBegun = new Promise<void>((resolve) => (begun = resolve));
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  return {
    hasBegun,
    letGo,
    work: async (tx: EntityManager) => {
      await add(tx, 'slow');
      begun();
      await gate;
      await add(tx, 'slower');
    },
  };
}

const ways = [
  {
    way: 'run',
    nested: (_tx: EntityManager, work: (tx: EntityManager) => Promise<void>) => app.transactions.run(work),
  },
  {
    way: 'tx.transaction',
    nested: (tx: EntityManager, work: (tx: EntityManager) => Promise<void>) => tx.transaction(work),
  },
];

/** What was left over must neither be committed by the next transaction nor cost the connection. */
async function nextOneIsAlone(...committed: string[]): Promise<void> {
  await app.transactions.run((tx) => add(tx, 'next'));
  expect(await app.names()).toEqual([...committed, 'next'].sort());
  expect(app.closed()).toBe(0);
  expect(app.logged).toEqual([]);
}

describe.each(ways)('a transaction that ends while one within it is open ($way)', ({ nested }) => {
  it('is rolled back when it rejects', async () => {
    const one = slow();
    let inner: Promise<unknown> | undefined;
    const whole = app.transactions.run(async (tx) => {
      await add(tx, 'outer');
      inner = nested(tx, one.work);
      inner.catch(() => undefined);
      const fails = async () => {
        await one.hasBegun;
        throw new Error('no');
      };
      await Promise.all([inner, fails()]);
    });
    await expect(whole).rejects.toThrow('no');
    one.letGo();
    await expect(inner).rejects.toThrow();
    await nextOneIsAlone();
  });

  it('is rolled back, and says why, when it resolves', async () => {
    const one = slow();
    let inner: Promise<unknown> | undefined;
    let hooks = 0;
    const whole = app.transactions.run(async (tx) => {
      app.transactions.afterCommit(tx, () => (hooks += 1));
      await add(tx, 'outer');
      inner = nested(tx, one.work);
      inner.catch(() => undefined);
      await Promise.race([inner, one.hasBegun]);
      return 'ok';
    });
    await expect(whole).rejects.toThrow(NOT_AWAITED);
    expect(hooks).toBe(0);
    one.letGo();
    await expect(inner).rejects.toThrow();
    await nextOneIsAlone();
  });

  it('commits nothing of it when it resolves at once', async () => {
    let inner: Promise<unknown> | undefined;
    const whole = app.transactions.run(async (tx) => {
      inner = nested(tx, async (within) => void (await add(within, 'inner')));
      inner.catch(() => undefined);
    });
    await whole.catch(() => undefined);
    await expect(inner).rejects.toThrow();
    await nextOneIsAlone();
  });
});

describe('a nested transaction that ends while one within it is open', () => {
  it.each(['rejects', 'resolves'])('is undone with it, and with nothing else, when it %s', async (outcome) => {
    const one = slow();
    await app.transactions.run(async (tx) => {
      await add(tx, 'outer');
      const middle = app.transactions.run(async (within) => {
        await add(within, 'middle');
        app.transactions.run(one.work).catch(() => undefined);
        await one.hasBegun;
        setTimeout(one.letGo, 20);
        if (outcome === 'rejects') throw new Error('no');
      });
      await expect(middle).rejects.toThrow(outcome === 'rejects' ? 'no' : NOT_AWAITED);
      await app.transactions.run((within) => add(within, 'recovered'));
    });
    await nextOneIsAlone('outer', 'recovered');
  });

  it('takes the whole with it when TypeORM began that', async () => {
    const one = slow();
    const whole = app.transactions.run(async (tx) => {
      const middle = app.transactions.run(async (within) => {
        within.transaction(one.work).catch(() => undefined);
        await one.hasBegun;
        throw new Error('no');
      });
      await expect(middle).rejects.toThrow('no');
      one.letGo();
      await sleep(20);
      await add(tx, 'outer');
    });
    await expect(whole).rejects.toThrow(NOT_AWAITED);
    await nextOneIsAlone();
  });

  it('leaves nothing that could begin another one once the whole is rolled back', async () => {
    let goOn = () => {};
    const failed = new Promise<void>((resolve) => (goOn = resolve));
    let straggler: Promise<unknown> | undefined;
    const whole = app.transactions.run(async () => {
      await app.transactions.run(async () => {
        straggler = failed.then(() => app.transactions.run((late) => add(late, 'late')));
        straggler.catch(() => undefined);
      });
      throw new Error('no');
    });
    await expect(whole).rejects.toThrow('no');
    goOn();
    await expect(straggler).rejects.toThrow('was rolled back');
    await nextOneIsAlone();
  });
});

it('a nested transaction that lost the connection is not taken for one that was not awaited', async () => {
  const whole = app.transactions.run(async (tx) => {
    await add(tx, 'outer');
    const inner = app.transactions.run(async (within) => {
      const [{ pid }] = (await within.query('SELECT pg_backend_pid() AS pid')) as [{ pid: number }];
      await app.observer.query('SELECT pg_terminate_backend($1)', [pid]);
      await add(within, 'inner');
    });
    await expect(inner).rejects.toThrow();
  });
  await expect(whole).rejects.toBeInstanceOf(Unavailable);
  expect(await app.names()).toEqual([]);
});
