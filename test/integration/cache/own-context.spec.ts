import { ReadOnly } from '@rookery/database';
import { type TestDatabase, createTestDatabase } from '@rookery/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { callOf, openDatabaseApp } from '../database/database-app.fixture.js';
import { Replica, bytes, newService } from './cache.fixture.js';

let database: TestDatabase;
let app: Awaited<ReturnType<typeof openDatabaseApp>>;
let replica: Replica;

beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  app = await openDatabaseApp(database.url);
  await app.dataSource.query('CREATE TABLE rows (v text)');
});
afterAll(async () => {
  await app.close();
  await database.drop();
});
beforeEach(async () => void (replica = await Replica.open(newService(), { REDIS_URL: undefined })));
afterEach(() => replica.cache.close());

it('caches nothing uncommitted, also for work that no call has asked for', async () => {
  const rows = () =>
    replica.cache.getOrLoad('k', () =>
      app.transactions.read(async (db) => bytes(JSON.stringify(await db.query('SELECT v FROM rows')))),
    );
  const change = app.transactions.run(async (tx) => {
    await tx.query(`INSERT INTO rows VALUES ('not committed')`);
    expect(String(await rows())).toBe('[]');
    throw new Error('rolled back');
  });
  await expect(change).rejects.toThrow('rolled back');
  expect(String(await rows())).toBe('[]');
});

describe('in what is read-only, which a replica may answer that lags,', () => {
  /** Stands for the replica: a database whose rows are others. */
  let behind: TestDatabase;
  let reading: Awaited<ReturnType<typeof openDatabaseApp>>;

  beforeAll(async () => {
    behind = await createTestDatabase(inject('databaseUrl'));
    reading = await openDatabaseApp(database.url, { DATABASE_REPLICA_URLS: behind.url });
  });
  beforeEach(async () => {
    await expect.poll(() => reading.dependency('database-replica-1')).toMatchObject({ up: true });
  });
  afterAll(async () => {
    await reading.close();
    await behind.drop();
  });

  const name = async () => {
    const [row] = await reading.dataSource.query<{ name: string }[]>('SELECT current_database() AS name');
    return row!.name;
  };
  const cached = () => replica.cache.getOrLoad('k', async () => bytes(await name())).then(String);
  class Names {
    @ReadOnly()
    async both() {
      return { before: await name(), cached: await cached(), after: await name() };
    }
    @ReadOnly()
    async *stream() {
      yield await name();
      yield await cached();
      yield await name();
    }
  }
  const names = new Names();
  const of = ({ url }: TestDatabase) => new URL(url).pathname.slice(1);

  it.each([
    ['of a call', (work: () => Promise<unknown>) => callOf().run(work)],
    ['of no call', (work: () => Promise<unknown>) => work()],
  ])('caches what the primary says, and goes on with the replica: %s', async (_whose, run) => {
    const expected = { before: of(behind), cached: of(database), after: of(behind) };
    expect(await run(() => names.both())).toEqual(expected);
    expect(await cached()).toBe(of(database));
  });

  it('does so in a stream, whoever reads it', async () => {
    const made = await callOf().run(async () => names.stream());
    const seen: string[] = [];
    for await (const one of made) seen.push(one);
    expect(seen).toEqual([of(behind), of(database), of(behind)]);
  });
});
