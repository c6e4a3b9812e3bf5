import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CallEndApp, GONE, openCallEndApp } from './call-end.fixture.js';
import { callOf } from './database-app.fixture.js';

let app: CallEndApp;
beforeAll(async () => (app = await openCallEndApp()));
afterAll(() => app.close());

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
      await expect.poll(app.running, GONE).toEqual(['SELECT pg_sleep(5)']);
      one.cancel();
      expect(await streamed).toMatchObject({ code: '57014' });
      await new Promise<void>((resolve) => client.query('SELECT 2', (error) => resolve(void told.push(error))));
      expect(() => client.query(new pg.Query('SELECT 3'))).toThrow(one.left);
      await runner.release();
    });
    expect(told).toEqual([[{ one: 1 }], one.left]);
    await app.free();
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
      await expect.poll(app.running, GONE).toEqual(['SELECT pg_sleep(5)']);
      one.cancel();
      expect(stream.errored).toBe(one.left);
      await runner.release();
    });
    await app.free();
    await turn();
    process.off('uncaughtException', hear);
    expect(unheard).toEqual([]);
  });
});

describe('statements that are issued at once', () => {
  it('all end with their call, and those behind the first never reach the server', async () => {
    const one = callOf();
    await one.run(async () => {
      const runner = app.dataSource.createQueryRunner();
      const statements = ['SELECT pg_sleep(5)', `SELECT nextval('reached')`, `SELECT nextval('reached')`];
      const together = statements.map((sql) => runner.query(sql).catch((error: unknown) => error));
      await expect.poll(app.running, GONE).toEqual(['SELECT pg_sleep(5)']);
      one.cancel();
      expect(await Promise.all(together)).toEqual([one.left, one.left, one.left]);
      await runner.release();
    });
    await app.free();
    expect(await app.reached()).toBe(0);
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
    await app.free();
    expect([await app.has('a'), await app.has('b')]).toEqual([false, false]);
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
