import { getEventListeners } from 'node:events';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { runWithContext } from '@rookery/context';
import { newId } from '@rookery/database';
import { DeadlineExceeded } from '@rookery/errors';
import { type TestDatabase, createTestDatabase } from '@rookery/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { callOf, openDatabaseApp, timed } from './database-app.fixture.js';

/** Milliseconds in which the server has to be rid of work that nobody waits for. */
const GONE = { timeout: 300, interval: 10 };

let database: TestDatabase;
let app: Awaited<ReturnType<typeof openDatabaseApp>>;
let observer: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  app = await openDatabaseApp(database.url, { DATABASE_POOL_MAX: '3', DATABASE_STATEMENT_TIMEOUT: '10s' });
  observer = new pg.Client({ connectionString: database.url, application_name: 'observer' });
  await observer.connect();
  await observer.query(`
    CREATE TABLE rows (name text PRIMARY KEY);
    CREATE SEQUENCE reached;
    CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_advisory_lock(4711); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON rows DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW WHEN (NEW.name LIKE 'slow%') EXECUTE FUNCTION slow_commit();
    INSERT INTO rows VALUES ('locked');`);
});
afterAll(async () => {
  await app.close();
  await observer.end();
  await database.drop();
});

/** The statements that the service's pool is running, or holds a transaction open after. */
async function running(): Promise<string[]> {
  const { rows } = await observer.query<{ query: string }>(
    `SELECT query FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'test' AND state <> 'idle'`,
  );
  return rows.map(({ query }) => query);
}
const names = async () => (await observer.query<{ name: string }>('SELECT name FROM rows ORDER BY name')).rows.flat();
const has = async (name: string) => (await names()).some((row) => row.name === name);
const free = async () => {
  await expect.poll(app.pool, GONE).toMatchObject({ busy: 0, waiting: 0 });
};

const ways = [
  { way: 'its deadline passes', call: () => callOf({ timeout: 200 }), end: () => {}, why: 'late' as const },
  {
    way: 'its caller cancels',
    call: () => callOf(),
    end: ({ cancel }: { cancel(): void }) => cancel(),
    why: 'left' as const,
  },
];

describe.each(ways)('when $way, a call', ({ call, end, why }) => {
  it('ends its statement, here at once and on the server soon after', async () => {
    const one = call();
    const asleep = timed(one.run(() => app.dataSource.query('SELECT pg_sleep(5)')));
    await expect.poll(running, GONE).toEqual(['SELECT pg_sleep(5)']);
    end(one);
    const { ms, error } = await asleep;
    expect(error).toBe(one[why]);
    expect(ms).toBeLessThan(300);
    await expect.poll(running, GONE).toEqual([]);
    await free();
  });

  it('undoes what its transaction has written, and lets go of its locks', async () => {
    const one = call();
    const writing = timed(
      one.run(() =>
        app.transactions.run(async (tx) => {
          await tx.query(`INSERT INTO rows VALUES ('half a change')`);
          await tx.query(`UPDATE rows SET name = name WHERE name = 'locked'`);
          await tx.query('SELECT pg_sleep(5)');
        }),
      ),
    );
    await expect.poll(running, GONE).toEqual(['SELECT pg_sleep(5)']);
    end(one);
    const { ms, error } = await writing;
    // At the deadline the server may be the first to notice.
    expect(error).toBeInstanceOf(one[why].constructor);
    expect(ms).toBeLessThan(300);
    await observer.query(`BEGIN; SET LOCAL lock_timeout = 300; UPDATE rows SET name = name; COMMIT`);
    expect(await has('half a change')).toBe(false);
    await expect.poll(running, GONE).toEqual([]);
    await free();
  });

  it('undoes its transaction although it is busy with something else', async () => {
    const one = call();
    let goOn = () => {};
    const elsewhere = new Promise<void>((resolve) => (goOn = resolve));
    let wrote = false;
    let lateWrite: Promise<unknown> | undefined;
    const writing = timed(
      one.run(() =>
        app.transactions.run(async (tx) => {
          await tx.query(`UPDATE rows SET name = name WHERE name = 'locked'`);
          wrote = true;
          lateWrite = elsewhere.then(() => tx.query(`INSERT INTO rows VALUES ('too late')`));
          await lateWrite;
        }),
      ),
    );
    await expect.poll(() => wrote, GONE).toBe(true);
    end(one);
    await expect.poll(running, { timeout: 500, interval: 10 }).toEqual([]);
    // Although the work has not noticed, and perhaps never would.
    expect((await writing).error).toBe(one[why]);
    await free();
    goOn();
    await expect(lateWrite).rejects.toThrow();
    expect(await has('too late')).toBe(false);
    await free();
  });

  it('stops waiting for a connection', async () => {
    const hold = callOf();
    const held = [1, 2, 3].map(() => hold.run(() => app.dataSource.query('SELECT pg_sleep(5)')));
    await expect.poll(running, GONE).toHaveLength(3);
    const one = call();
    const waiting = timed(one.run(() => app.dataSource.query('SELECT 1')));
    await expect.poll(app.pool).toMatchObject({ busy: 3, waiting: 1 });
    end(one);
    const { ms, error } = await waiting;
    expect(error).toBe(one[why]);
    expect(ms).toBeLessThan(300);
    hold.cancel();
    await Promise.all(held.map((query) => expect(query).rejects.toBe(hold.left)));
    await free();
  });
});

describe('a call that has ended', () => {
  it('reaches the server no more, neither in its transaction nor with anything new', async () => {
    const one = callOf();
    const touch = `SELECT nextval('reached')`;
    await one.run(async () => {
      const inside = app.transactions.run(async (tx) => {
        await tx.query(touch);
        one.cancel();
        await expect(tx.query(touch)).rejects.toBe(one.left);
        // Returning leads to a COMMIT, which is refused like anything else.
      });
      await expect(inside).rejects.toBe(one.left);
      await expect(app.dataSource.query(touch)).rejects.toBe(one.left);
      await expect(app.transactions.run((tx) => tx.query(touch))).rejects.toBe(one.left);
    });
    expect((await observer.query(`SELECT last_value FROM reached`)).rows).toEqual([{ last_value: '1' }]);
    await free();
  });

  it('gives its connection back as good as new, out of a nested transaction too', async () => {
    const backend = async () => (await app.dataSource.query('SELECT pg_backend_pid() AS pid'))[0].pid as number;
    const before = new Set([await backend(), await backend()]);
    const one = callOf();
    const nested = one.run(() =>
      app.transactions.run(async (tx) => {
        await tx.query(`INSERT INTO rows VALUES ('outer')`);
        await tx.transaction(async (inner) => {
          await inner.query(`INSERT INTO rows VALUES ('inner')`);
          await inner.query('SELECT pg_sleep(5)');
        });
      }),
    );
    await expect.poll(running, GONE).toEqual(['SELECT pg_sleep(5)']);
    one.cancel();
    await expect(nested).rejects.toBe(one.left);
    await free();
    expect([await has('outer'), await has('inner')]).toEqual([false, false]);
    expect(before).toContain(await backend());
  });

  it('is told that its change was made when COMMIT was on its way, and what follows from it is done', async () => {
    await observer.query('SELECT pg_advisory_lock(4711)');
    const one = callOf();
    const hooks: unknown[] = [];
    const change = one.run(() =>
      app.transactions.run(async (tx) => {
        app.transactions.afterCommit(tx, async () => hooks.push(await app.dataSource.query('SELECT 1 AS one')));
        await tx.query(`INSERT INTO rows VALUES ('slow')`);
      }),
    );
    await expect.poll(running, GONE).toEqual(['COMMIT']);
    one.cancel();
    await observer.query('SELECT pg_advisory_unlock(4711)');
    await change;
    expect(await has('slow')).toBe(true);
    expect(hooks).toEqual([[{ one: 1 }]]);
    await free();
  });
});

describe('pg’s own ways to query', () => {
  it('end with the call as well', async () => {
    const one = callOf();
    const told: unknown[] = [];
    await one.run(async () => {
      const runner = app.dataSource.createQueryRunner();
      const client = (await runner.connect()) as pg.PoolClient;
      await new Promise<void>((resolve) =>
        client.query('SELECT 1 AS one', (_, { rows }) => resolve(void told.push(rows))),
      );
      const streamed = new Promise((resolve) => client.query(new pg.Query('SELECT pg_sleep(5)', resolve)));
      await expect.poll(running, GONE).toEqual(['SELECT pg_sleep(5)']);
      one.cancel();
      expect(await streamed).toMatchObject({ code: '57014' });
      await new Promise<void>((resolve) => client.query('SELECT 2', (error) => resolve(void told.push(error))));
      expect(() => client.query(new pg.Query('SELECT 3'))).toThrow(one.left);
      await runner.release();
    });
    expect(told).toEqual([[{ one: 1 }], one.left]);
    await free();
  });

  it('end with the call although nobody listens to them', async () => {
    /** What pg asks of streams, of which this one has nothing to give. */
    class Asleep extends Readable {
      callback?: (error: Error) => void;
      submit(connection: pg.Connection): void {
        connection.query('SELECT pg_sleep(5)');
      }
      handleRowDescription(): void {}
      handleError(error: Error): void {
        this.callback?.(error);
      }
      override _read(): void {}
    }
    const unheard: unknown[] = [];
    const hear = (error: unknown) => unheard.push(error);
    process.on('uncaughtException', hear);
    const one = callOf();
    await one.run(async () => {
      const runner = app.dataSource.createQueryRunner();
      const client = (await runner.connect()) as pg.PoolClient;
      const stream = client.query(new Asleep());
      await expect.poll(running, GONE).toEqual(['SELECT pg_sleep(5)']);
      one.cancel();
      expect(stream.errored).toBe(one.left);
      await runner.release();
    });
    await free();
    await turn();
    process.off('uncaughtException', hear);
    expect(unheard).toEqual([]);
  });
});

describe('statements that are issued at once', () => {
  it('all end with their call, and those behind the first never reach the server', async () => {
    const reached = async () => (await observer.query('SELECT last_value FROM reached')).rows;
    const before = await reached();
    const one = callOf();
    await one.run(async () => {
      const runner = app.dataSource.createQueryRunner();
      const statements = ['SELECT pg_sleep(5)', `SELECT nextval('reached')`, `SELECT nextval('reached')`];
      const together = statements.map((sql) => runner.query(sql).catch((error: unknown) => error));
      await expect.poll(running, GONE).toEqual(['SELECT pg_sleep(5)']);
      one.cancel();
      expect(await Promise.all(together)).toEqual([one.left, one.left, one.left]);
      await runner.release();
    });
    await free();
    expect(await reached()).toEqual(before);
  });

  it('run in the order in which they came, and none of them after the ROLLBACK', async () => {
    const change = callOf().run(() =>
      app.transactions.run((tx) =>
        Promise.all([
          tx.query('SELECT 1 / 0'),
          ...['a', 'b'].map((n) => tx.query('INSERT INTO rows VALUES ($1)', [n])),
        ]),
      ),
    );
    await expect(change).rejects.toThrow('a value is not allowed');
    await free();
    expect([await has('a'), await has('b')]).toEqual([false, false]);
    const [, , rows] = await callOf().run(() =>
      app.transactions.run((tx) =>
        Promise.all([
          tx.query('CREATE TEMPORARY TABLE steps (n int) ON COMMIT DROP'),
          tx.query('INSERT INTO steps VALUES (1)'),
          tx.query('SELECT n FROM steps'),
        ]),
      ),
    );
    expect(rows).toEqual([{ n: 1 }]);
  });
});

describe('a transaction', () => {
  const timeout = async (tx: { query(sql: string): Promise<unknown> }) => {
    const [{ statement_timeout: text }] = (await tx.query('SHOW statement_timeout')) as [{ statement_timeout: string }];
    return text.endsWith('ms') ? Number.parseInt(text, 10) : Number.parseInt(text, 10) * 1000;
  };
  const within = (call: ReturnType<typeof callOf>, isolation: 'SERIALIZABLE' | 'READ COMMITTED') =>
    call.run(() => app.dataSource.transaction(isolation, timeout));

  it('lets the server end its statements at the deadline, and nobody else’s', async () => {
    for (const isolation of ['READ COMMITTED', 'SERIALIZABLE'] as const) {
      const bounded = await within(callOf({ timeout: 4_000 }), isolation);
      expect(bounded).toBeGreaterThan(3_000);
      expect(bounded).toBeLessThanOrEqual(4_000);
    }
    const users = await Promise.all([1, 2, 3, 4, 5, 6].map(() => timeout(app.dataSource)));
    expect(new Set(users)).toEqual(new Set([10_000]));
  });

  it('never gets more than the configuration allows, nor less without a deadline', async () => {
    expect(await within(callOf({ timeout: 60_000 }), 'SERIALIZABLE')).toBe(10_000);
    expect(await within(callOf(), 'SERIALIZABLE')).toBe(10_000);
  });

  it('is ended by the server when nobody is there to cancel it', async () => {
    const unheard = { requestId: 'r-1', deadline: Date.now() + 200, signal: new AbortController().signal };
    const { ms, error } = await timed(
      runWithContext(unheard, () => app.transactions.run((tx) => tx.query('SELECT pg_sleep(5)'))),
    );
    expect(error).toBeInstanceOf(DeadlineExceeded);
    expect(ms).toBeLessThan(400);
  });

  it('listens to its call as often, however many statements it has', async () => {
    const one = callOf({ timeout: 30_000 });
    let most = 0;
    await one.run(() =>
      app.transactions.run(async (tx) => {
        for (let index = 0; index < 1_000; index += 1) {
          await tx.query('SELECT 1');
          most = Math.max(most, getEventListeners(one.signal, 'abort').length);
        }
      }),
    );
    // The transaction and its connection.
    expect(most).toBe(2);
    expect(getEventListeners(one.signal, 'abort')).toHaveLength(0);
  });
});

describe('a call with many statements at once', () => {
  it('is no leak that Node would warn of', async () => {
    const warnings: string[] = [];
    const hear = ({ message }: Error) => warnings.push(message);
    process.on('warning', hear);
    const many = Array.from({ length: 12 }, (_, n) => n);
    const rows = await callOf().run(() =>
      Promise.all(many.map((n) => app.dataSource.query('SELECT $1::int AS n', [n]))),
    );
    expect(rows.flat()).toEqual(many.map((n) => ({ n })));
    await turn();
    process.off('warning', hear);
    expect(warnings).toEqual([]);
  });
});

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
    expect(await running()).toEqual([]);
    const { rows } = await observer.query(`SELECT count(*)::int AS n FROM pg_locks WHERE relation = 'rows'::regclass`);
    expect(rows).toEqual([{ n: 0 }]);
  });
});
