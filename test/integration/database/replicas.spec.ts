import { ReadOnly } from '@rookery/database';
import { type TestDatabase, createTestDatabase } from '@rookery/testing';
import pg from 'pg';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { callOf, openDatabaseApp, timed } from './database-app.fixture.js';
import { PostgresProxy } from './postgres-proxy.fixture.js';

@Entity('places')
class Place {
  @PrimaryColumn('text')
  name!: string;
  @Column('int')
  visits!: number;
}

/** Two databases with different rows, so that every answer tells where it comes from. */
let primary: TestDatabase;
let replica: TestDatabase;
let proxy: PostgresProxy;
let app: Awaited<ReturnType<typeof openDatabaseApp>>;

async function fill({ url }: TestDatabase, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE TABLE places (name text PRIMARY KEY, visits int NOT NULL)`);
  await client.query('INSERT INTO places VALUES ($1, 0)', [name]);
  await client.end();
}

class Places {
  @ReadOnly()
  find() {
    return app.dataSource.getRepository(Place).find();
  }
  @ReadOnly()
  async raw() {
    return app.dataSource.query<{ name: string }[]>('SELECT name FROM places');
  }
  @ReadOnly()
  async *stream() {
    yield* await this.find();
    yield* await this.find();
  }
  @ReadOnly()
  async rename(): Promise<void> {
    await app.dataSource.getRepository(Place).update({ name: 'replica' }, { visits: 1 });
  }
  @ReadOnly()
  async visit() {
    return app.transactions.run(async (tx) => {
      await tx.query('UPDATE places SET visits = visits + 1');
      return { seen: await app.dataSource.getRepository(Place).find(), again: await this.find() };
    });
  }
}

const places = new Places();
const from = (rows: { name: string }[]) => rows.map(({ name }) => name);
const state = () => app.dependency('database-replica-1');

beforeAll(async () => {
  [primary, replica] = (await Promise.all([1, 2].map(() => createTestDatabase(inject('databaseUrl'))))) as [
    TestDatabase,
    TestDatabase,
  ];
  await Promise.all([fill(primary, 'primary'), fill(replica, 'replica')]);
});
afterAll(async () => {
  await Promise.all([primary.drop(), replica.drop()]);
});
beforeEach(async () => {
  proxy = await PostgresProxy.before(replica.url);
  const variables = { DATABASE_REPLICA_URLS: proxy.url, DATABASE_CONNECT_TIMEOUT: '500ms', DATABASE_POOL_MAX: '2' };
  app = await openDatabaseApp(primary.url, variables, { entities: [Place], migrations: [] });
  await expect.poll(state).toMatchObject({ up: true });
});
afterEach(async () => {
  await app.close();
  await proxy.close();
});

describe('with a replica', () => {
  it('what is marked as read-only reads it, and nothing else does', async () => {
    expect(from(await places.find())).toEqual(['replica']);
    expect(from(await places.raw())).toEqual(['replica']);
    expect(from(await app.transactions.read((db) => db.find(Place)))).toEqual(['replica']);
    expect(from(await app.dataSource.getRepository(Place).find())).toEqual(['primary']);
    expect(from(await app.transactions.run((tx) => tx.find(Place)))).toEqual(['primary']);
  });

  it('a stream reads it to its end', async () => {
    const names: string[] = [];
    for await (const { name } of places.stream()) names.push(name);
    expect(names).toEqual(['replica', 'replica']);
  });

  it('a transaction reads and writes on the primary, wherever it was begun', async () => {
    const { seen, again } = await places.visit();
    expect([from(seen), from(again)]).toEqual([['primary'], ['primary']]);
    expect(await app.dataSource.getRepository(Place).findOneBy({ name: 'primary' })).toMatchObject({ visits: 1 });
  });

  it('what is marked as read-only cannot write, not in a function either', async () => {
    await expect(places.rename()).rejects.toThrow('must not write: UPDATE');
    const hidden = app.transactions.read((db) =>
      db.query(`WITH it AS (DELETE FROM places RETURNING 1) SELECT * FROM it`),
    );
    await expect(hidden).rejects.toThrow('read-only transaction');
    expect(from(await places.find())).toEqual(['replica']);
  });

  it('keeps its own session options, and still cannot be written to', async () => {
    const url = new URL(proxy.url);
    url.searchParams.set('options', '-c work_mem=5MB');
    const tuned = await openDatabaseApp(primary.url, { DATABASE_REPLICA_URLS: url.href });
    await expect.poll(() => tuned.dependency('database-replica-1')).toMatchObject({ up: true });
    const sql = `SELECT current_setting('work_mem') AS mem, current_setting('transaction_read_only') AS only_reads`;
    expect(await tuned.transactions.read((db) => db.query(sql))).toEqual([{ mem: '5MB', only_reads: 'on' }]);
    await tuned.close();
  });

  it('ends a query there with its call', async () => {
    const one = callOf({ timeout: 100 });
    const { ms, error } = await timed(one.run(() => app.transactions.read((db) => db.query('SELECT pg_sleep(5)'))));
    expect(error).toBe(one.late);
    expect(ms).toBeLessThan(300);
    await expect.poll(() => app.metric('database_pool_connections', { pool: 'replica-1', state: 'in_use' })).toBe(0);
    expect(from(await places.find())).toEqual(['replica']);
  });
});

describe('a replica that goes away', () => {
  it('is a reason to read the primary, at once and without an error, until it is back', async () => {
    expect(from(await places.find())).toEqual(['replica']);
    proxy.freeze();
    proxy.reset();
    expect(from(await places.find())).toEqual(['primary']);
    await expect.poll(state).toMatchObject({ up: false });
    proxy.thaw();
    await expect.poll(state).toMatchObject({ up: true });
    await expect.poll(async () => from(await places.find())).toEqual(['replica']);
  });

  it('is noticed as well when it falls silent', async () => {
    proxy.freeze();
    await expect.poll(state).toEqual({ up: false, detail: 'no answer within 1000 ms' });
    expect(from(await places.find())).toEqual(['primary']);
  });
});

it('a service starts without its replica', async () => {
  const nowhere = 'postgres://nobody@127.0.0.1:1/none';
  const alone = await openDatabaseApp(primary.url, { DATABASE_REPLICA_URLS: nowhere });
  expect(await alone.transactions.read((db) => db.query('SELECT name FROM places'))).toEqual([{ name: 'primary' }]);
  expect(await alone.dependency('database-replica-1')).toMatchObject({ up: false });
  await alone.close();
});
