import { DatabaseConfig, driftOfDatabase, listMigrations, migrateDatabase, revertMigration } from '@rookery/database';
import { Environment, loadConfig } from '@rookery/config';
import { type LogConfig, createLogger } from '@rookery/observability';
import { declarationOf } from '@rookery/service';
import { type TestDatabase, createTestDatabase, startTestService } from '@rookery/testing';
import pg from 'pg';
import { Column, Entity, Index, type MigrationInterface, PrimaryColumn, type QueryRunner } from 'typeorm';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { SERVICES } from '../../../apps/platform/src/services.js';
import { UserServiceModule } from '../../../apps/user-service/src/user-service.module.js';

const logger = createLogger({ level: 'silent', format: 'json' } as LogConfig, 'test');

class CreateTools1700000000901 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE tools (id uuid PRIMARY KEY, name text NOT NULL, CONSTRAINT "TOOL_TAKEN" UNIQUE (name))`,
    );
    await runner.query('CREATE INDEX tools_by_name ON tools (lower(name), id)');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE tools');
  }
}
class AddColour1700000000902 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE tools ADD colour text');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE tools DROP COLUMN colour');
  }
}

@Entity('tools')
class Tool {
  @PrimaryColumn('uuid')
  id!: string;
  @Column('text')
  name!: string;
  @Column('text', { nullable: true })
  colour!: string | null;
}

@Entity('tools')
class HeavyTool extends Tool {
  @Index('tools_by_weight')
  @Column('int', { default: 1 })
  weight!: number;
}

@Entity('tools')
class PlainTool {
  @PrimaryColumn('uuid')
  id!: string;
  @Column('text')
  name!: string;
}

@Entity('tools')
class CountedTool extends PlainTool {
  @Column('int', { nullable: true })
  colour!: number | null;
}

let database: TestDatabase;
let config: DatabaseConfig;
beforeEach(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  [config] = loadConfig([DatabaseConfig], new Environment({ DATABASE_URL: database.url }));
});
afterEach(() => database.drop());

const both = { entities: [Tool], migrations: [AddColour1700000000902, CreateTools1700000000901] };
const states = async (tables = both) =>
  (await listMigrations(config, tables, 'test', logger)).map(({ name, state }) => `${state} ${name}`);

describe('migrations', () => {
  it('are shown, run in the order of their timestamps, and undone one by one', async () => {
    expect(await states()).toEqual(['pending CreateTools1700000000901', 'pending AddColour1700000000902']);
    await migrateDatabase(config, both, 'test', logger);
    expect(await states()).toEqual(['run CreateTools1700000000901', 'run AddColour1700000000902']);
    expect(await revertMigration(config, both, 'test', logger)).toBe('AddColour1700000000902');
    expect(await states()).toEqual(['run CreateTools1700000000901', 'pending AddColour1700000000902']);
    expect(await revertMigration(config, both, 'test', logger)).toBe('CreateTools1700000000901');
    expect(await revertMigration(config, both, 'test', logger)).toBeUndefined();
  });

  it('may build an index concurrently while other replicas wait, and drop it so', async () => {
    class IndexColour1700000000903 implements MigrationInterface {
      readonly transaction = false;
      async up(runner: QueryRunner): Promise<void> {
        await runner.query('SELECT pg_sleep(0.3)');
        await runner.query('CREATE INDEX CONCURRENTLY tools_by_colour ON tools (colour)');
      }
      async down(runner: QueryRunner): Promise<void> {
        await runner.query('DROP INDEX CONCURRENTLY tools_by_colour');
      }
    }
    const indexed = { ...both, migrations: [...both.migrations, IndexColour1700000000903] };
    const done = await Promise.all([1, 2, 3].map(() => migrateDatabase(config, indexed, 'test', logger)));
    expect(done.flat()).toHaveLength(3);
    expect(await revertMigration(config, indexed, 'test', logger)).toBe('IndexColour1700000000903');
    expect(await states(indexed)).toContain('pending IndexColour1700000000903');
  });

  it('of newer code are named, and not undone by older', async () => {
    await migrateDatabase(config, both, 'test', logger);
    const older = { entities: [], migrations: [CreateTools1700000000901] };
    expect(await states(older)).toEqual(['run CreateTools1700000000901', 'unknown AddColour1700000000902']);
    await expect(revertMigration(config, older, 'test', logger)).rejects.toThrow('AddColour1700000000902');
  });

  it('and entities that differ are told apart in SQL that makes them equal, and back', async () => {
    const drift = await driftOfDatabase(config, { ...both, entities: [HeavyTool] }, 'test', logger);
    expect(drift.up.join(';')).toContain('ADD "weight" integer NOT NULL DEFAULT');
    expect(drift.up.join(';')).toContain('CREATE INDEX "tools_by_weight"');
    class AddWeight1700000000903 implements MigrationInterface {
      async up(runner: QueryRunner): Promise<void> {
        for (const query of drift.up) await runner.query(query);
      }
      async down(runner: QueryRunner): Promise<void> {
        for (const query of drift.down) await runner.query(query);
      }
    }
    const grown = { entities: [HeavyTool], migrations: [...both.migrations, AddWeight1700000000903] };
    expect(await driftOfDatabase(config, grown, 'test', logger)).toEqual({ up: [], down: [] });
    await migrateDatabase(config, grown, 'test', logger);
    expect(await revertMigration(config, grown, 'test', logger)).toBe('AddWeight1700000000903');
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query(`SELECT indexname AS name FROM pg_indexes WHERE tablename = 'tools'`);
    expect(rows.map(({ name }) => name).sort()).toEqual(['TOOL_TAKEN', 'tools_by_name', 'tools_pkey']);
    const left = await client.query(`SELECT 1 FROM pg_database WHERE datname LIKE 'scratch%'`);
    expect(left.rows).toEqual([]);
    await client.end();
  });
  it('leave a column that no entity has to the release that may drop it', async () => {
    const drift = await driftOfDatabase(config, { ...both, entities: [PlainTool] }, 'test', logger);
    expect(drift).toEqual({ up: [], down: [] });
  });

  it('change the type of a column that an entity has', async () => {
    const { up, down } = await driftOfDatabase(config, { ...both, entities: [CountedTool] }, 'test', logger);
    expect(up.join(';')).toMatch(/DROP COLUMN "colour".*ADD "colour" integer/);
    expect(down.join(';')).toContain('ADD "colour" text');
  });
});

it.each(SERVICES.map((service) => ({ service, name: service.name })))(
  'the entities of $name say what its migrations make, messaging’s tables included',
  async ({ service }) => {
    const { database: tables, name } = declarationOf(service);
    expect(await driftOfDatabase(config, tables!, name, logger)).toEqual({ up: [], down: [] });
  },
);

it('three replicas that start at once on an empty database migrate it once', async () => {
  const replicas = await Promise.all(
    [1, 2, 3].map(() => startTestService(UserServiceModule, { databaseUrl: database.url })),
  );
  await Promise.all(
    replicas.map(async ({ httpUrl }) => {
      const ready = await fetch(`${httpUrl}/health/ready`);
      expect(ready.status).toBe(200);
    }),
  );
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const { rows } = await client.query<{ name: string }>('SELECT name FROM migrations ORDER BY name');
  const expected = declarationOf(UserServiceModule).database!.migrations.map(({ name }) => name);
  expect(rows.map(({ name }) => name)).toEqual([...expected].sort());
  await client.end();
  for (const replica of replicas) await replica.close();
});
