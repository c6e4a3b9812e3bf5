import { Environment, loadConfig } from '@rookery/config';
import { DatabaseConfig, DatabaseModule, listMigrations, migrateDatabase } from '@rookery/database';
import { ObservabilityModule } from '@rookery/observability';
import { type TestDatabase, createTestDatabase } from '@rookery/testing';
import { Global, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import pino from 'pino';
import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { PostgresProxy } from './postgres-proxy.fixture.js';

class CreateShelves1700000000901 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE shelves (id int)');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE shelves');
  }
}
const tables = { entities: [], migrations: [CreateShelves1700000000901] };

let database: TestDatabase;
let proxy: PostgresProxy;
let lines: string[];
let onLine: (line: string) => void;
const logger = pino(
  { level: 'info' },
  {
    write: (line) => {
      const { msg } = JSON.parse(line) as { msg: string };
      lines.push(msg);
      onLine(msg);
    },
  },
);
const configOf = (variables: Record<string, string>) => loadConfig([DatabaseConfig], new Environment(variables))[0];

async function open(variables: Record<string, string>) {
  @Global()
  @Module({ providers: [{ provide: DatabaseConfig, useValue: configOf(variables) }], exports: [DatabaseConfig] })
  class Configured {}
  const module = await Test.createTestingModule({
    imports: [Configured, ObservabilityModule.register(logger), DatabaseModule.register('shop-service', tables)],
  }).compile();
  return module.init();
}

beforeEach(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  proxy = await PostgresProxy.before(database.url);
  lines = [];
  onLine = () => {};
});
afterEach(async () => {
  await proxy.close();
  await database.drop();
});

describe('a start', () => {
  it('waits for a server that takes the connection and says nothing', async () => {
    proxy.freeze();
    onLine = () => proxy.thaw();
    const config = configOf({ DATABASE_URL: proxy.url, DATABASE_START_TIMEOUT: '30s' });
    expect(await migrateDatabase(config, tables, 'shop-service', logger)).toEqual(['CreateShelves1700000000901']);
    expect(lines[0]).toMatch(/^waiting for the database: timeout expired; next attempt in \d+ ms$/);
  });

  it('gives up on such a server after its time', async () => {
    proxy.freeze();
    const config = configOf({ DATABASE_URL: proxy.url, DATABASE_START_TIMEOUT: '1s' });
    await expect(listMigrations(config, tables, 'shop-service', logger)).rejects.toThrow(
      'the database of DATABASE_URL cannot be used: timeout expired',
    );
  });
});

describe('a service that may not migrate', () => {
  const variables = () => ({ DATABASE_URL: database.url, DATABASE_MIGRATE: 'false' });

  it('waits until somebody else has, and says so', async () => {
    const config = configOf({ DATABASE_URL: database.url });
    let migrated: Promise<string[]> | undefined;
    onLine = () => (migrated ??= migrateDatabase(config, tables, 'shop-service', pino({ level: 'silent' })));
    const app = await open(variables());
    expect(lines[0]).toBe(
      'waiting for somebody else to run the pending migrations, as DATABASE_MIGRATE=false says: CreateShelves1700000000901',
    );
    expect(await migrated).toHaveLength(1);
    expect(await app.get(DataSource).query('SELECT * FROM shelves')).toEqual([]);
    await app.close();
  });

  it('fails when nobody does, and names what is pending and the command', async () => {
    const failed = open({ ...variables(), DATABASE_START_TIMEOUT: '200ms' });
    await expect(failed).rejects.toThrow(/CreateShelves1700000000901.*node dist\/apps\/shop-service\/main.js migrate/);
  });

  it('starts when nothing is pending', async () => {
    await migrateDatabase(configOf({ DATABASE_URL: database.url }), tables, 'shop-service', pino({ level: 'silent' }));
    const app = await open(variables());
    expect(lines).toEqual([]);
    await app.close();
  });
});
