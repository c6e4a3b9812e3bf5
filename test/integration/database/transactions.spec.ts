import { Aborted, DeadlineExceeded, Unavailable } from '@rookery/errors';
import { type TestDatabase, createTestDatabase } from '@rookery/testing';
import pg from 'pg';
import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { callOf, openDatabaseApp, timed } from './database-app.fixture.js';
import { PostgresProxy } from './postgres-proxy.fixture.js';

let database: TestDatabase;
let app: Awaited<ReturnType<typeof openDatabaseApp>>;
let observer: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  app = await openDatabaseApp(database.url, {
    DATABASE_POOL_MAX: '4',
    DATABASE_STATEMENT_TIMEOUT: '10s',
    DATABASE_IDLE_IN_TRANSACTION_TIMEOUT: '100ms',
  });
  observer = new pg.Client({ connectionString: database.url, application_name: 'observer' });
  await observer.connect();
  await observer.query(`
    CREATE TABLE accounts (name text PRIMARY KEY, balance int NOT NULL);
    CREATE TABLE rows (name text PRIMARY KEY);
    CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_advisory_lock(4711); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON rows DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW WHEN (NEW.name LIKE 'slow%') EXECUTE FUNCTION slow_commit();`);
});
afterAll(async () => {
  await app.close();
  await observer.end();
  await database.drop();
});
beforeEach(async () => {
  await observer.query(`DELETE FROM rows; DELETE FROM accounts; INSERT INTO accounts VALUES ('a', 100), ('b', 100)`);
});

const add = (tx: EntityManager, name: string) => tx.query('INSERT INTO rows VALUES ($1)', [name]);
const names = async () =>
  (await observer.query<{ name: string }>('SELECT name FROM rows ORDER BY name')).rows.map(({ name }) => name);
const endSession = async (tx: EntityManager) => {
  const [{ pid }] = await tx.query<[{ pid: number }]>('SELECT pg_backend_pid() AS pid');
  await observer.query('SELECT pg_terminate_backend($1)', [pid]);
};

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
    expect(await names()).toEqual([]);
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
            app.transactions.runWithNext(tx, 'INSERT INTO rows VALUES ($1)', [`${turn}`]),
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
    expect(await names()).toEqual(outcome === 'committed' ? ['awaited'] : []);
  });
});

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
    expect(await names()).toEqual([]);
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
      expect(await names()).toEqual([]);
    });
    expect(await names()).toEqual(['kept', 'outer']);
  });

  it('is undone with it', async () => {
    const whole = app.transactions.run(async () => {
      await app.transactions.run((inner) => add(inner, 'inner'));
      throw new Error('no');
    });
    await expect(whole).rejects.toThrow('no');
    expect(await names()).toEqual([]);
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
    expect(await names()).toEqual(['a', 'c']);
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

  it('cannot ask for another isolation, and a hook after the end belongs to no transaction', async () => {
    let left: EntityManager | undefined;
    const asking = app.transactions.run(async (tx) => {
      left = tx;
      await app.transactions.run((inner) => add(inner, 'x'), { isolation: 'SERIALIZABLE' });
    });
    await expect(asking).rejects.toThrow('SERIALIZABLE');
    expect(app.transactions.afterCommit(left!, () => undefined)).toBe(false);
  });
});

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
    const patient = await openDatabaseApp(database.url, { DATABASE_POOL_MAX: '2' });
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
    expect((await observer.query('SELECT sum(balance)::int AS sum FROM accounts')).rows).toEqual([{ sum: 204 }]);
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
    expect(await names()).toEqual(['once']);
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
    await observer.query('SELECT pg_advisory_lock(4711)');
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
      (await observer.query('SELECT query FROM pg_stat_activity WHERE pid = $1', [pid])).rows[0]?.query;
    await expect.poll(running).toBe('COMMIT');
    await observer.query('SELECT pg_terminate_backend($1)', [pid]);
    expect((await change).error).toMatchObject({ constructor: Unavailable, reason: 'COMMIT_OUTCOME_UNKNOWN' });
    await observer.query('SELECT pg_advisory_unlock(4711)');
    expect(attempts).toBe(1);
  });

  it('before the work has begun, or under a read, is noticed by nobody', async () => {
    const proxy = await PostgresProxy.before(database.url);
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
    expect(await names()).toEqual(['begun']);
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
    expect(await names()).toEqual([]);
  });
});

it('transactions are counted by how they ended', async () => {
  const count = (outcome: string) => app.metric('database_transaction_seconds_count', { outcome });
  const [committed, rolledBack] = [await count('committed'), await count('rolled_back')];
  await app.transactions.run((tx) => add(tx, 'one'));
  await app.transactions.run(() => Promise.reject(new Error('no'))).catch(() => undefined);
  expect([await count('committed'), await count('rolled_back')]).toEqual([committed + 1, rolledBack + 1]);
});
