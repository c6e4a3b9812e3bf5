import { Aborted, AlreadyExists, FailedPrecondition, Unavailable } from '@rookery/errors';
import { type TestDatabase, createTestDatabase } from '@rookery/testing';
import pg from 'pg';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { openDatabaseApp } from './database-app.fixture.js';

@Entity('rooms')
class Room {
  @PrimaryColumn('int')
  id!: number;
  @Column('int', { default: 0 })
  beds!: number;
}

const tables = { entities: [Room], migrations: [] };
let database: TestDatabase;
let app: Awaited<ReturnType<typeof openDatabaseApp>>;

beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  app = await openDatabaseApp(database.url, {}, tables);
  await app.dataSource.query(`
    CREATE TABLE rooms (id int PRIMARY KEY, beds int NOT NULL DEFAULT 0);
    CREATE TABLE guests (room int CONSTRAINT "ROOM_IN_USE" REFERENCES rooms ON DELETE RESTRICT);
    CREATE TABLE bookings (days int4range, CONSTRAINT "ROOM_TAKEN" EXCLUDE USING gist (days WITH &&));
    INSERT INTO rooms VALUES (1); INSERT INTO guests VALUES (1); INSERT INTO bookings VALUES ('[1,5)')`);
});
afterAll(async () => {
  await app.close();
  await database.drop();
});

it.each([
  { what: 'an exclusion', sql: `INSERT INTO bookings VALUES ('[2,3)')`, type: AlreadyExists, reason: 'ROOM_TAKEN' },
  { what: 'a restricted delete', sql: 'DELETE FROM rooms', type: FailedPrecondition, reason: 'ROOM_IN_USE' },
  { what: 'a foreign key', sql: 'INSERT INTO guests VALUES (7)', type: FailedPrecondition, reason: 'ROOM_IN_USE' },
])('the constraint of $what is the reason that callers get', async ({ sql, type, reason }) => {
  await expect(app.dataSource.query(sql)).rejects.toMatchObject({ constructor: type, reason });
});

it('a lock that is not waited for is Aborted', async () => {
  await app.transactions.run(async (tx) => {
    await tx.query('SELECT * FROM rooms WHERE id = 1 FOR UPDATE');
    const other = app.dataSource.query('SELECT * FROM rooms WHERE id = 1 FOR UPDATE NOWAIT');
    await expect(other).rejects.toBeInstanceOf(Aborted);
  });
});

it('a server that only reads is Unavailable to who writes, and readiness says so', async () => {
  const url = new URL(database.url);
  url.searchParams.set('options', '-c default_transaction_read_only=on');
  const standby = await openDatabaseApp(url.href, {}, tables);
  await expect(standby.transactions.run((tx) => tx.insert(Room, { id: 2 }))).rejects.toBeInstanceOf(Unavailable);
  expect(await standby.dataSource.getRepository(Room).find()).toHaveLength(1);
  expect(await standby.dependency('database')).toEqual({
    up: false,
    detail: 'the server only reads: a standby, or default_transaction_read_only is on',
  });
  await standby.close();
  expect(await app.dependency('database')).toEqual({ up: true });
});

it('readiness finds the server that takes writes again, when the address leads to one', async () => {
  const other = await createTestDatabase(inject('databaseUrl'));
  const client = new pg.Client({ connectionString: other.url });
  await client.connect();
  const name = new URL(other.url).pathname.slice(1);
  const service = await openDatabaseApp(other.url);
  const control = `FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'test control'`;
  const session = async () => (await client.query<{ pid: number }>(`SELECT pid ${control}`)).rows[0]?.pid;
  const first = await session();
  // What a session is told when it begins: as if the address led to another server.
  await client.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
  await client.query(`SELECT pg_terminate_backend(pid) ${control}`);
  await expect.poll(async () => ![undefined, first].includes(await session())).toBe(true);
  await client.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`);
  await expect.poll(() => service.dependency('database').catch(String)).toMatchObject({ up: false });
  await expect.poll(() => service.dependency('database').catch(String)).toEqual({ up: true });
  await service.close();
  await client.end();
  await other.drop();
});
