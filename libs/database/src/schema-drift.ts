import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { migrate } from './migrations.js';

/** What would have to be run on tables that the migrations made, so that they are what the entities say; and its undoing. */
export interface SchemaDrift {
  readonly up: readonly string[];
  readonly down: readonly string[];
}

/**
 * Compares entities with migrations in a database that is made for it, beside the one of `options.url`, and dropped again.
 *
 * Indexes and constraints that no entity declares are the migrations' own and no drift: they carry the reasons that callers
 * get, and may be what TypeORM has no words for (on expressions, partial). So are columns that no entity has: the release
 * before still reads and writes them, and the one that drops them is for people to choose.
 * @throws what PostgreSQL says when the role may not create databases, or a migration fails
 */
export async function schemaDrift(options: DataSourceOptions & { url?: string }): Promise<SchemaDrift> {
  const name = `scratch_${randomBytes(8).toString('hex')}`;
  const server = new pg.Client({ connectionString: options.url, application_name: 'schema drift' });
  server.on('error', () => undefined);
  await server.connect();
  try {
    // template1 cannot be copied while somebody else is connected to it.
    await server.query(`CREATE DATABASE ${name} TEMPLATE template0`);
    try {
      const url = new URL(options.url!);
      url.pathname = `/${name}`;
      return await driftIn({ ...options, url: url.href } as DataSourceOptions);
    } finally {
      await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
    }
  } finally {
    await server.end();
  }
}

async function driftIn(options: DataSourceOptions): Promise<SchemaDrift> {
  await migrate(options);
  const dataSource = new DataSource({ ...options, extra: { max: 2 } } as DataSourceOptions);
  await dataSource.initialize();
  try {
    const { upQueries, downQueries } = await dataSource.driver.createSchemaBuilder().log();
    const up = upQueries.map(({ query }) => query);
    // TypeORM lists each undoing beside what it undoes.
    const down = downQueries.map(({ query }) => query).toReversed();
    return withoutColumns(withoutUndeclared(up, down));
  } finally {
    await dataSource.destroy();
  }
}

const DROPS = /^(?:DROP INDEX (?:"[^"]+"\.)?|ALTER TABLE \S+ DROP CONSTRAINT )"([^"]+)"/;

function withoutUndeclared(up: readonly string[], down: readonly string[]): SchemaDrift {
  const dropped = up.flatMap((query) => DROPS.exec(query)?.[1] ?? []);
  const declared = (name: string) => up.some((query) => !DROPS.test(query) && query.includes(`"${name}"`));
  const foreign = dropped.filter((name) => !declared(name)).map((name) => `"${name}"`);
  const ours = (query: string) => !foreign.some((name) => query.includes(name));
  return { up: up.filter(ours), down: down.filter(ours) };
}

const COLUMN = /^ALTER TABLE (\S+) (DROP COLUMN|ADD) ("[^"]+")/;

/** A change of a type drops a column and adds it again: that one stays. */
function withoutColumns({ up, down }: SchemaDrift): SchemaDrift {
  const columns = (queries: readonly string[], change: string) =>
    queries.flatMap((query) => {
      const [, table, what, column] = COLUMN.exec(query) ?? [];
      return what === change ? `${table} ${column}` : [];
    });
  const added = new Set(columns(up, 'ADD'));
  const foreign = new Set(columns(up, 'DROP COLUMN').filter((column) => !added.has(column)));
  const ours = (query: string) => {
    const [, table, , column] = COLUMN.exec(query) ?? [];
    return !foreign.has(`${table} ${column}`);
  };
  return { up: up.filter(ours), down: down.filter(ours) };
}
