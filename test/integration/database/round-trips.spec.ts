import { once } from 'node:events';
import { InvalidArgument, Unavailable } from '@rookery/errors';
import { type TestDatabase, createTestDatabase } from '@rookery/testing';
import pg from 'pg';
import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { callOf, openDatabaseApp } from './database-app.fixture.js';
import { PostgresProxy } from './postgres-proxy.fixture.js';

let database: TestDatabase;
let app: Awaited<ReturnType<typeof openDatabaseApp>>;
let observer: pg.Client;
/** How often the server has said that it is ready for what comes next: once for each round trip. */
let answers = 0;

beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  app = await openDatabaseApp(database.url, { DATABASE_POOL_MAX: '1' });
  observer = new pg.Client({ connectionString: database.url });
  await observer.connect();
  await observer.query('CREATE TABLE rows (name text PRIMARY KEY CHECK (length(name) < 10))');
  const { master } = app.dataSource.driver as unknown as { master: pg.Pool };
  const count = (client: pg.PoolClient) =>
    (client as unknown as { connection: NodeJS.EventEmitter }).connection.on('readyForQuery', () => (answers += 1));
  const client = await master.connect();
  count(client);
  client.release();
  master.on('connect', count);
});
afterAll(async () => {
  await app.close();
  await observer.end();
  await database.drop();
});
beforeEach(async () => {
  await observer.query('DELETE FROM rows');
});

const INSERT = 'INSERT INTO rows VALUES ($1)';
const add = (tx: EntityManager, name: string) => tx.query(INSERT, [name]);
const addWithNext = (tx: EntityManager, name: string) => app.transactions.runWithNext(tx, { text: INSERT }, [name]);
const names = async () =>
  (await observer.query<{ name: string }>('SELECT name FROM rows ORDER BY name')).rows.map(({ name }) => name);
const roundTrips = async (work: () => Promise<unknown>) => {
  const before = answers;
  await work();
  return answers - before;
};

describe('the begin of a transaction', () => {
  it('takes no round trip, in a call with a deadline and without', async () => {
    const change = () => app.transactions.run((tx) => add(tx, 'a'), { isolation: 'SERIALIZABLE' });
    expect(await roundTrips(change)).toBe(2);
    await observer.query('DELETE FROM rows');
    expect(await roundTrips(() => callOf({ timeout: 5_000 }).run(change))).toBe(2);
    expect(await names()).toEqual(['a']);
  });

  it('says what the transaction is like, and when its call ends', async () => {
    const asked: unknown[] = [];
    const ask = (tx: EntityManager) =>
      tx.query(
        `SELECT current_setting('transaction_isolation') AS isolation, current_setting('statement_timeout') AS timeout
        WHERE $1`,
        [true],
      );
    await callOf({ timeout: 5_000 }).run(() =>
      app.transactions.run(async (tx) => asked.push(...(await ask(tx))), { isolation: 'REPEATABLE READ' }),
    );
    await app.transactions.run(async (tx) => asked.push(...(await ask(tx))));
    expect(asked).toEqual([
      { isolation: 'repeatable read', timeout: expect.stringMatching(/^(4\d{3}ms|5s)$/) },
      { isolation: 'read committed', timeout: '30s' },
    ]);
  });

  it('is not sent when there is nothing to do', async () => {
    expect(await roundTrips(() => app.transactions.run(async () => undefined))).toBe(0);
    const failed = app.transactions.run(() => Promise.reject(new Error('no')));
    await expect(failed).rejects.toThrow('no');
    // The connection is as good as before: this statement is no part of a transaction.
    await app.dataSource.query(INSERT, ['alone']);
    expect(await names()).toEqual(['alone']);
  });

  it('stands when the first statement fails', async () => {
    for (const text of ['SELECT nothing WHERE $1', 'not SQL']) {
      const failed = app.transactions.run(async (tx) => {
        await expect(tx.query(text, text.includes('$') ? [true] : undefined)).rejects.toThrow();
        await add(tx, 'lost');
      });
      await expect(failed).rejects.toThrow('current transaction is aborted');
    }
    expect(await names()).toEqual([]);
  });

  it('goes ahead of several statements in one text, of savepoints and of streams', async () => {
    const undone = new Error('undone');
    const works: ((tx: EntityManager) => Promise<unknown>)[] = [
      (tx) => tx.query(`INSERT INTO rows VALUES ('a'); INSERT INTO rows VALUES ('b')`),
      (tx) => app.transactions.run(() => add(tx, 'c')),
      async (tx) => {
        const connection = (await tx.queryRunner!.connect()) as pg.PoolClient;
        const rows = connection.query(new pg.Query(`INSERT INTO rows VALUES ('d') RETURNING name`));
        const [[row]] = (await Promise.all([once(rows, 'row'), once(rows, 'end')])) as [[unknown], unknown];
        expect(row).toEqual({ name: 'd' });
      },
    ];
    for (const work of works) {
      const failed = app.transactions.run(async (tx) => {
        await work(tx);
        throw undone;
      });
      await expect(failed).rejects.toBe(undone);
    }
    expect(await names()).toEqual([]);
  });

  it('goes to another connection when the first statements, issued together, found theirs dead', async () => {
    const proxy = await PostgresProxy.before(database.url);
    const behind = await openDatabaseApp(proxy.url, { DATABASE_POOL_MAX: '1' });
    try {
      proxy.freeze();
      setTimeout(() => {
        proxy.thaw();
        proxy.reset();
      }, 20);
      await behind.transactions.run(async (tx) => {
        await behind.transactions.runWithNext(tx, { text: INSERT }, ['a']);
        await Promise.all([add(tx, 'b'), add(tx, 'c'), add(tx, 'd')]);
      });
      expect(await names()).toEqual(['a', 'b', 'c', 'd']);
      expect(await behind.metric('database_repeats_total', { work: 'transaction', reason: 'broken' })).toBeGreaterThan(
        0,
      );
    } finally {
      await behind.close();
      await proxy.close();
    }
  });
});

describe('a statement that runs with the next one', () => {
  it('takes no round trip, and keeps its place', async () => {
    const change = () =>
      app.transactions.run(async (tx) => {
        await add(tx, 'a');
        await addWithNext(tx, 'b');
        await addWithNext(tx, 'c');
        expect(await tx.query('SELECT name FROM rows WHERE name > $1', [''])).toHaveLength(3);
        await addWithNext(tx, 'd');
      });
    expect(await roundTrips(change)).toBe(3);
    expect(await names()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('is a transaction in one round trip when there is no other', async () => {
    expect(await roundTrips(() => app.transactions.run((tx) => addWithNext(tx, 'a')))).toBe(1);
    expect(await names()).toEqual(['a']);
  });

  it('fails the one that it runs with, and so the transaction', async () => {
    const together = app.transactions.run(async (tx) => {
      await add(tx, 'a');
      await addWithNext(tx, 'far too long');
      await expect(add(tx, 'b')).rejects.toBeInstanceOf(InvalidArgument);
    });
    await expect(together).rejects.toThrow('was rolled back');
    const atTheEnd = app.transactions.run(async (tx) => {
      await add(tx, 'a');
      await addWithNext(tx, 'far too long');
    });
    await expect(atTheEnd).rejects.toBeInstanceOf(InvalidArgument);
    expect(await names()).toEqual([]);
    expect(app.pool().busy).toBe(0);
  });

  it('is undone with its savepoint and with the transaction', async () => {
    await app.transactions.run(async (tx) => {
      await addWithNext(tx, 'first');
      await addWithNext(tx, 'second');
      const inner = app.transactions.run(async (within) => {
        await addWithNext(within, 'sent');
        await add(within, 'inner');
        await addWithNext(within, 'unsent');
        throw new Error('no');
      });
      await expect(inner).rejects.toThrow('no');
    });
    expect(await names()).toEqual(['first', 'second']);
    const whole = app.transactions.run(async (tx) => {
      await add(tx, 'a');
      await addWithNext(tx, 'b');
      throw new Error('no');
    });
    await expect(whole).rejects.toThrow('no');
    expect(await names()).toEqual(['first', 'second']);
  });

  it('stays prepared under its name, also when its first use or one after it fails', async () => {
    const statement = { name: 'add a row', text: INSERT };
    const change = (name: string) => app.transactions.run((tx) => app.transactions.runWithNext(tx, statement, [name]));
    const uses = () =>
      app.dataSource.query(
        'SELECT name, generic_plans + custom_plans AS uses FROM pg_prepared_statements WHERE statement = $1',
        [INSERT],
      );
    await expect(change('far too long')).rejects.toBeInstanceOf(InvalidArgument);
    for (const name of ['a', 'b', 'c']) await change(name);
    await expect(change('c')).rejects.toThrow();
    await change('d');
    expect(await names()).toEqual(['a', 'b', 'c', 'd']);
    expect(await uses()).toEqual([{ name: 'add a row', uses: '5' }]);
  });

  it('is not sent when the call has ended meanwhile', async () => {
    const call = callOf();
    const change = call.run(() =>
      app.transactions.run(async (tx) => {
        await add(tx, 'a');
        await addWithNext(tx, 'b');
        call.cancel();
      }),
    );
    await expect(change).rejects.toBe(call.left);
    expect(await names()).toEqual([]);
  });

  it('leaves the outcome unknown when the connection breaks under both', async () => {
    const proxy = await PostgresProxy.before(database.url);
    const behind = await openDatabaseApp(proxy.url, { DATABASE_POOL_MAX: '1' });
    try {
      const change = behind.transactions.run(async (tx) => {
        await add(tx, 'a');
        await behind.transactions.runWithNext(tx, { text: INSERT }, ['b']);
        proxy.freeze();
        setTimeout(() => {
          proxy.thaw();
          proxy.reset();
        }, 20);
      });
      await expect(change).rejects.toMatchObject({ constructor: Unavailable, reason: 'COMMIT_OUTCOME_UNKNOWN' });
    } finally {
      await behind.close();
      await proxy.close();
    }
  });
});
