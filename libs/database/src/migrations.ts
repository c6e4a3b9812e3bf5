import pg from 'pg';
import { DataSource, type DataSourceOptions } from 'typeorm';
import type { ControlConnection } from './control-connection.js';

/** Any number that all Rookery services agree on; advisory locks are per database. */
const MIGRATION_LOCK = 7_665_001;

/**
 * Whether the database has all of `migrations` (class names), found out without a lock and with one short query: the
 * usual case of a start, which then needs no connection of its own for them.
 */
export async function isMigrated(control: ControlConnection, migrations: readonly string[]): Promise<boolean> {
  const [table] = await control.query<{ exists: boolean }>(`SELECT to_regclass('migrations') IS NOT NULL AS exists`);
  if (!table?.exists) return false;
  const done = new Set((await control.query<{ name: string }>('SELECT name FROM migrations')).map(({ name }) => name));
  return migrations.every((name) => done.has(name));
}

/**
 * Runs the pending migrations, each in its own transaction. However many replicas call this at once, one migrates and
 * the others wait for it (an advisory lock). No statement timeout applies: a migration takes as long as it takes.
 * @returns the names of the migrations that were run, the oldest first
 */
export async function migrate(options: DataSourceOptions & { url?: string }): Promise<string[]> {
  const lock = new pg.Client({ connectionString: options.url, application_name: 'migrations' });
  lock.on('error', () => undefined);
  await lock.connect();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const dataSource = new DataSource({ ...options, extra: { max: 2 } } as DataSourceOptions);
    await dataSource.initialize();
    try {
      const done = await dataSource.runMigrations({ transaction: 'each' });
      return done.map(({ name }) => name);
    } finally {
      await dataSource.destroy();
    }
  } finally {
    await lock.end();
  }
}
