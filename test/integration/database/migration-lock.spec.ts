import { Environment, loadConfig } from '@rookery/config';
import { DatabaseConfig, listMigrations, migrateDatabase, revertMigration } from '@rookery/database';
import { type LogConfig, createLogger } from '@rookery/observability';
import { type TestDatabase, createTestDatabase } from '@rookery/testing';
import pg from 'pg';
import pino from 'pino';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { openDatabaseApp } from './database-app.fixture.js';

const silent = createLogger({ level: 'silent', format: 'json' } as LogConfig, 'test');

let database: TestDatabase;
let config: DatabaseConfig;
let client: pg.Client;
/** How often the migration has begun; the first one goes on when `letGo` is called. */
let begun: number;
let letGo: () => void;
let held: Promise<void>;

beforeEach(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  [config] = loadConfig([DatabaseConfig], new Environment({ DATABASE_URL: database.url }));
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query('CREATE TABLE prices (amount int); INSERT INTO prices VALUES (5)');
  begun = 0;
  held = new Promise((resolve) => (letGo = resolve));
});
afterEach(async () => {
  letGo();
  await client.end();
  await database.drop();
});

/** To run it twice shows. */
class ToCents1700000000901 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    begun += 1;
    const first = begun === 1;
    await runner.query('UPDATE prices SET amount = amount * 100');
    if (first) await held;
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('UPDATE prices SET amount = amount / 100');
  }
}

class Widen1700000000902 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE prices ADD currency text');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE prices DROP COLUMN currency');
  }
}

const tables = { entities: [], migrations: [ToCents1700000000901] };
const both = { entities: [], migrations: [ToCents1700000000901, Widen1700000000902] };
const amount = async () => (await client.query<{ amount: number }>('SELECT amount FROM prices')).rows[0]!.amount;
const run = async () =>
  (await client.query<{ name: string }>('SELECT name FROM migrations')).rows.map((row) => row.name);

describe('a migration', () => {
  it('ends with the session that holds the lock, and another replica runs it', async () => {
    const one = migrateDatabase(config, tables, 'one', silent).catch((error: Error) => error.message);
    await expect.poll(() => begun).toBe(1);
    const two = migrateDatabase(config, tables, 'two', silent);
    const killed = await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    expect(killed.rowCount).toBe(1);
    await expect.poll(() => begun).toBe(2);
    letGo();
    expect(await one).toContain('lost the connection that holds the migration lock');
    expect(await two).toEqual(['ToCents1700000000901']);
    expect(await amount()).toBe(500);
    expect(await run()).toEqual(['ToCents1700000000901']);
  });

  it('is undone when it has been recorded meanwhile, lock or no lock', async () => {
    const one = migrateDatabase(config, tables, 'one', silent).catch((error: Error) => error.message);
    await expect.poll(() => begun).toBe(1);
    await client.query(`INSERT INTO migrations (timestamp, name) VALUES (1700000000901, 'ToCents1700000000901')`);
    letGo();
    expect(await one).toContain('duplicate key');
    expect(await amount()).toBe(5);
  });

  it('is recorded uniquely in a database that was migrated before that was so', async () => {
    await client.query(
      'CREATE TABLE migrations (id serial PRIMARY KEY, timestamp bigint NOT NULL, name varchar NOT NULL)',
    );
    letGo();
    await migrateDatabase(config, tables, 'one', silent);
    const again = client.query(`INSERT INTO migrations (timestamp, name) VALUES (1, 'ToCents1700000000901')`);
    await expect(again).rejects.toThrow('duplicate key');
  });

  it('runs on a session that the server gives up when its client has vanished', async () => {
    const settings: Record<string, string>[] = [];
    class Asks1700000000903 implements MigrationInterface {
      async up(runner: QueryRunner): Promise<void> {
        const names = ['tcp_keepalives_idle', 'tcp_keepalives_interval', 'tcp_keepalives_count', 'tcp_user_timeout'];
        for (const name of names) settings.push(...((await runner.query(`SHOW ${name}`)) as Record<string, string>[]));
      }
      async down(): Promise<void> {}
    }
    await migrateDatabase(config, { entities: [], migrations: [Asks1700000000903] }, 'one', silent);
    expect(settings).toEqual([
      { tcp_keepalives_idle: '10' },
      { tcp_keepalives_interval: '5' },
      { tcp_keepalives_count: '3' },
      { tcp_user_timeout: expect.stringMatching(/^25(s|000)$/) },
    ]);
  });
});

describe('somebody else’s migrations', () => {
  const waiting = 'waiting for the migrations that somebody else is running';
  let lines: { msg: string; holder?: { pid: number; application: string; state: string; statement: string } }[];
  const logger = pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[0]) });
  beforeEach(() => void (lines = []));
  afterEach(() => void vi.useRealTimers());

  it('are waited for, and every ten seconds the log says who has the lock and what it is at', async () => {
    const one = migrateDatabase(config, tables, 'one', silent);
    await expect.poll(() => begun).toBe(1);
    vi.useFakeTimers({ toFake: ['Date'] });
    const two = migrateDatabase(config, tables, 'two', logger);
    for (const count of [1, 2, 3]) {
      await expect.poll(() => lines).toHaveLength(count);
      vi.setSystemTime(Date.now() + 10_000);
    }
    const { rows } = await client.query(
      `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    for (const { msg, holder } of lines.slice(0, 3)) {
      expect(msg).toBe(waiting);
      expect(holder).toMatchObject({ pid: rows[0].pid, application: 'one', state: 'idle in transaction' });
      expect(holder!.statement).toMatch(/^UPDATE prices/);
    }
    letGo();
    expect([await one, await two]).toEqual([['ToCents1700000000901'], []]);
  });

  it('are waited for as long as DATABASE_START_TIMEOUT says, by a start as by a command', async () => {
    const one = migrateDatabase(config, tables, 'one', silent);
    await expect.poll(() => begun).toBe(1);
    const variables = { DATABASE_START_TIMEOUT: '300ms' };
    const [impatient] = loadConfig([DatabaseConfig], new Environment({ DATABASE_URL: database.url, ...variables }));
    const says = /within DATABASE_START_TIMEOUT: process \d+ \(one at 127.0.0.1\), idle in transaction: UPDATE prices/;
    await expect(migrateDatabase(impatient, tables, 'two', silent)).rejects.toThrow(says);
    await expect(revertMigration(impatient, tables, 'two', silent)).rejects.toThrow(says);
    await expect(openDatabaseApp(database.url, variables, tables)).rejects.toThrow(says);
    letGo();
    expect(await one).toHaveLength(1);
  });
});

it('two reverts at once undo two migrations, and each says which', async () => {
  letGo();
  await migrateDatabase(config, both, 'test', silent);
  const undone = await Promise.all([1, 2].map(() => revertMigration(config, both, 'test', silent)));
  expect(undone.sort()).toEqual(['ToCents1700000000901', 'Widen1700000000902']);
  expect(await run()).toEqual([]);
  expect(await amount()).toBe(5);
});

it('a revert that had to wait does not undo what its code does not know', async () => {
  letGo();
  await migrateDatabase(config, both, 'test', silent);
  // Whoever holds the lock undoes the newest one; the one before is unknown to who waits.
  const newest = { entities: [], migrations: [Widen1700000000902] };
  const results = await Promise.allSettled([1, 2].map(() => revertMigration(config, newest, 'test', silent)));
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const [left] = await listMigrations(config, newest, 'test', silent);
  expect(left).toEqual({ name: 'ToCents1700000000901', state: 'unknown' });
});
