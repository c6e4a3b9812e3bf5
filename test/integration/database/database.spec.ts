import { Injectable, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { Environment, loadConfig } from '@rookery/config';
import {
  ChangeFeed,
  ControlConnection,
  DatabaseConfig,
  DatabaseModule,
  Transactions,
  keysetPage,
  migrateDatabase,
  newId,
} from '@rookery/database';
import { AlreadyExists, DeadlineExceeded, InvalidArgument, Unavailable } from '@rookery/errors';
import { type LogConfig, ObservabilityModule, createLogger } from '@rookery/observability';
import { type TestDatabase, createTestDatabase } from '@rookery/testing';
import {
  Column,
  DataSource,
  Entity,
  type EntityManager,
  type MigrationInterface,
  PrimaryColumn,
  type QueryRunner,
} from 'typeorm';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

@Entity('things')
class Thing {
  @PrimaryColumn('uuid')
  id!: string;
  @Column('text')
  name!: string;
}

@Entity('others')
class Other extends Thing {}

class CreateThings1700000000900 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE things (id uuid PRIMARY KEY, name text CONSTRAINT "THING_NAME_TAKEN" UNIQUE)');
    await runner.query('CREATE TABLE others (id uuid PRIMARY KEY, name text)');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE things');
  }
}

const tables = { entities: [Thing, Other], migrations: [CreateThings1700000000900] };
const logger = createLogger({ level: 'silent', format: 'json' } as LogConfig, 'test');
const configOf = (url: string, variables: Record<string, string> = {}) =>
  loadConfig([DatabaseConfig], new Environment({ DATABASE_URL: url, ...variables }))[0];

@Injectable()
class Nothing {}

async function open(url: string, variables: Record<string, string> = {}): Promise<TestingModule> {
  @Module({ providers: [{ provide: DatabaseConfig, useValue: configOf(url, variables) }], exports: [DatabaseConfig] })
  class ConfigModule {}
  const module = await Test.createTestingModule({
    imports: [
      { module: ConfigModule, global: true },
      ObservabilityModule.register(logger),
      DatabaseModule.register('test', tables),
    ],
    providers: [Nothing],
  }).compile();
  return module.init();
}

let database: TestDatabase;
let app: TestingModule;
let dataSource: DataSource;
let transactions: Transactions;

beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  app = await open(database.url, {
    DATABASE_POOL_MAX: '8',
    DATABASE_POOL_MAX_IDLE: '2',
    DATABASE_STATEMENT_TIMEOUT: '2s',
  });
  dataSource = app.get(DataSource);
  transactions = app.get(Transactions);
});
afterAll(async () => {
  await app.close();
  await database.drop();
});

const insert = (name: string) => transactions.run((tx) => tx.insert(Thing, { id: newId(), name }));
const count = (name: string) => dataSource.manager.countBy(Thing, { name });

describe('transactions', () => {
  it('commit what succeeds and roll back what fails', async () => {
    await insert('kept');
    const failed = transactions.run(async (tx) => {
      await tx.insert(Thing, { id: newId(), name: 'lost' });
      throw new Error('no');
    });
    await expect(failed).rejects.toThrow('no');
    expect([await count('kept'), await count('lost')]).toEqual([1, 0]);
  });

  it('run their hooks after the commit, and only then', async () => {
    const seen: unknown[] = [];
    await transactions.run(async (tx) => {
      transactions.afterCommit(tx, async () => seen.push(await count('hooked')));
      await tx.insert(Thing, { id: newId(), name: 'hooked' });
      seen.push('inside');
    });
    await transactions
      .run(async (tx) => {
        transactions.afterCommit(tx, () => seen.push('never'));
        throw new Error('no');
      })
      .catch(() => undefined);
    expect(seen).toEqual(['inside', 1]);
  });

  it('stay committed when a hook fails', async () => {
    await transactions.run(async (tx) => {
      transactions.afterCommit(tx, () => Promise.reject(new Error('the hook fails')));
      await tx.insert(Thing, { id: newId(), name: 'hook fails' });
    });
    expect(await count('hook fails')).toBe(1);
  });
});

describe('errors', () => {
  it('names a violated constraint as the reason', async () => {
    await insert('once');
    await expect(insert('once')).rejects.toMatchObject({ constructor: AlreadyExists, reason: 'THING_NAME_TAKEN' });
    await expect(dataSource.manager.insert(Thing, { id: newId(), name: 'once' })).rejects.toBeInstanceOf(AlreadyExists);
  });

  it('ends a statement that takes too long', async () => {
    await expect(dataSource.query('SELECT pg_sleep(10)')).rejects.toBeInstanceOf(DeadlineExceeded);
  });

  it.each([
    { when: 'while the statement is on its way', noticed: async () => {} },
    {
      when: 'and is noticed before the next statement',
      noticed: async (tx: EntityManager) => {
        await expect.poll(() => tx.queryRunner?.isReleased).toBe(true);
      },
    },
  ])('is Unavailable when the connection breaks $when, and works again', async ({ noticed }) => {
    const broken = transactions.run(async (tx) => {
      const [{ pid }] = await tx.query('SELECT pg_backend_pid() AS pid');
      await dataSource.query('SELECT pg_terminate_backend($1)', [pid]);
      await noticed(tx);
      await tx.query('SELECT 1');
    });
    await expect(broken).rejects.toBeInstanceOf(Unavailable);
    await expect(dataSource.query('SELECT 1')).resolves.toHaveLength(1);
  });
});

describe('the pool', () => {
  const connections = async () => {
    const rows = await dataSource.query(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'test'`,
    );
    return rows[0].n as number;
  };

  it('opens no more than its maximum, and keeps no more than its idle maximum', async () => {
    const most = new Set<number>();
    await Promise.all(
      Array.from({ length: 40 }, async () => {
        await dataSource.query('SELECT pg_sleep(0.05)');
        const { master } = dataSource.driver as unknown as { master: { totalCount: number } };
        most.add(master.totalCount);
      }),
    );
    expect(Math.max(...most)).toBe(8);
    // Two idle ones, and the one that counts.
    await expect.poll(connections, { timeout: 15_000, interval: 500 }).toBeLessThanOrEqual(3);
  });
});

describe('migrations', () => {
  it('run once, however many replicas start at once', async () => {
    const fresh = await createTestDatabase(inject('databaseUrl'));
    const config = configOf(fresh.url);
    const done = await Promise.all([1, 2, 3, 4, 5].map(() => migrateDatabase(config, tables, 'test', logger)));
    expect(done.flat()).toEqual(['CreateThings1700000000900']);
    await fresh.drop();
  });
});

describe('keyset pages', () => {
  const things = () => dataSource.getRepository(Thing).createQueryBuilder('thing');

  it('neither repeat nor skip while rows are inserted', async () => {
    await dataSource.query('DELETE FROM things');
    for (let index = 0; index < 7; index += 1) await insert(`page ${index}`);
    const names: string[] = [];
    let pageToken = '';
    do {
      const page = await keysetPage(things(), { pageSize: 3, pageToken });
      names.push(...page.items.map(({ name }) => name));
      pageToken = page.nextPageToken;
      if (names.length === 3) await insert('page 7');
    } while (pageToken !== '');
    expect(names).toEqual(Array.from({ length: 8 }, (_, index) => `page ${index}`));
  });

  it('refuse a token of another list or of nobody, and a negative size', async () => {
    const { nextPageToken } = await keysetPage(things(), { pageSize: 1, pageToken: '' }, { scope: 'a' });
    await expect(
      keysetPage(things(), { pageSize: 1, pageToken: nextPageToken }, { scope: 'b' }),
    ).rejects.toBeInstanceOf(InvalidArgument);
    const first = await keysetPage(things(), { pageSize: 1, pageToken: '' });
    const [id, list] = JSON.parse(Buffer.from(first.nextPageToken, 'base64url').toString()) as [string, string];
    const tokens = [`x' OR true --`, id.toUpperCase(), 7, null].map((after) => [after, list]);
    for (const token of [...tokens, [id, ''], [id], id]) {
      const tampered = Buffer.from(JSON.stringify(token)).toString('base64url');
      const asked = keysetPage(things(), { pageSize: 1, pageToken: tampered });
      await expect(asked).rejects.toMatchObject({ violations: [{ field: 'page_token' }] });
    }
    await expect(keysetPage(things(), { pageSize: -1, pageToken: '' })).rejects.toBeInstanceOf(InvalidArgument);
  });
});

describe('a page token', () => {
  const things = () => dataSource.getRepository(Thing).createQueryBuilder('thing');
  const others = () => dataSource.getRepository(Other).createQueryBuilder('thing');

  it('is of one table and order, and tells nobody which', async () => {
    for (const index of [1, 2, 3]) await insert(`token ${index}`);
    const { nextPageToken: pageToken } = await keysetPage(things(), { pageSize: 1, pageToken: '' });
    expect(Buffer.from(pageToken, 'base64url').toString()).not.toContain('things');
    const elsewhere = [
      keysetPage(others(), { pageSize: 1, pageToken }),
      keysetPage(things(), { pageSize: 1, pageToken }, { order: 'DESC' }),
    ];
    for (const asked of elsewhere) await expect(asked).rejects.toMatchObject({ violations: [{ field: 'page_token' }] });
    expect((await keysetPage(things(), { pageSize: 1, pageToken })).items).toHaveLength(1);
  });
});

describe('the change feed', () => {
  it('tells of a change when it is committed, and again after a lost connection', async () => {
    const abort = new AbortController();
    const changes = app.get(ChangeFeed).watch('things', 'one', abort.signal);
    await changes.next();
    let told = 0;
    const next = () => changes.next().then(({ done }) => (told += done ? 0 : 1));

    const first = next();
    await transactions.run(async (tx) => {
      await app.get(ChangeFeed).announce(tx, 'things', 'one');
      await app.get(ChangeFeed).announce(tx, 'things', 'other');
      expect(told).toBe(0);
    });
    await first;
    expect(told).toBe(1);

    const second = next();
    const [session] = await app.get(ControlConnection).query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await dataSource.query('SELECT pg_terminate_backend($1)', [session?.pid]);
    await second;
    expect(told).toBe(2);

    const last = next();
    abort.abort();
    await last;
    expect(told).toBe(2);
  });
});
