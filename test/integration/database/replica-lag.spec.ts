import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDatabaseApp } from './database-app.fixture.js';
import { type Standby, startStandby } from './standby.fixture.js';

let servers: Standby;
let app: Awaited<ReturnType<typeof openDatabaseApp>>;
let standby: pg.Client;

beforeAll(async () => {
  servers = await startStandby();
  app = await openDatabaseApp(servers.primaryUrl, {
    DATABASE_REPLICA_URLS: servers.url,
    DATABASE_REPLICA_MAX_LAG: '1s',
  });
  await app.dataSource.query('CREATE TABLE notes (text text NOT NULL)');
  standby = new pg.Client({ connectionString: servers.url });
  await standby.connect();
});
afterAll(async () => {
  await standby?.end();
  await app?.close();
  await servers?.stop();
});

const write = (text: string) => app.dataSource.query('INSERT INTO notes VALUES ($1)', [text]);
const state = () => app.dependency('database-replica-1');
/** What a read-only method sees, and whether a standby told it. */
const read = () =>
  app.transactions.read(async (db) => {
    const [row] = await db.query<{ standby: boolean; notes: string[] | null }[]>(
      'SELECT pg_is_in_recovery() AS standby, (SELECT array_agg(text ORDER BY text) FROM notes) AS notes',
    );
    return row!;
  });

it('a standby is read while it keeps up, also when nothing has happened for longer than it may be behind', async () => {
  await write('a');
  await expect.poll(read).toEqual({ standby: true, notes: ['a'] });
  const age = async () => {
    const sql = 'SELECT extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 AS age';
    return (await standby.query<{ age: number }>(sql)).rows[0]!.age;
  };
  await expect.poll(age).toBeGreaterThan(2);
  await expect.poll(state).toMatchObject({ up: true, detail: '0.0 s behind' });
  await expect.poll(read).toEqual({ standby: true, notes: ['a'] });
});

it('a standby that falls behind is left to itself until it has caught up', async () => {
  await standby.query('SELECT pg_wal_replay_pause()');
  await write('b');
  await expect.poll(read).toEqual({ standby: false, notes: ['a', 'b'] });
  await expect.poll(state).toMatchObject({ up: false, detail: expect.stringMatching(/^[1-9]\d*\.\d s behind$/) });
  await standby.query('SELECT pg_wal_replay_resume()');
  await expect.poll(read).toEqual({ standby: true, notes: ['a', 'b'] });
});
