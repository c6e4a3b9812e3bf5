import { type TestDatabase, createTestDatabase } from '@rookery/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import { openDatabaseApp } from '../database/database-app.fixture.js';
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
