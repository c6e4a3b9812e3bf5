import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { DataSource, type DataSourceOptions } from 'typeorm';
import type { ControlConnection } from './control-connection.js';

/** Any number that all Rookery services agree on; advisory locks are per database. */
const MIGRATION_LOCK = 7_665_001;

/** Milliseconds. */
const POLL = 100;

type Options = DataSourceOptions & { url?: string };

/** The class names of the migrations that the database says it has had, the oldest first. */
export async function migrationsRun(control: ControlConnection): Promise<string[]> {
  const [table] = await control.query<{ exists: boolean }>(`SELECT to_regclass('migrations') IS NOT NULL AS exists`);
  if (!table?.exists) return [];
  return (await control.query<{ name: string }>('SELECT name FROM migrations ORDER BY id')).map(({ name }) => name);
}

/**
 * Whether the database has all of `migrations` (class names), found out without a lock and with one short query: the
 * usual case of a start, which then needs no connection of its own for them.
 */
export async function isMigrated(control: ControlConnection, migrations: readonly string[]): Promise<boolean> {
  const done = new Set(await migrationsRun(control));
  return migrations.every((name) => done.has(name));
}

/**
 * Runs the pending migrations, each in its own transaction. However many replicas call this at once, one migrates and
 * the others wait for it. No statement timeout applies: a migration takes as long as it takes.
 * @returns the names of the migrations that were run, the oldest first
 */
export async function migrate(options: Options): Promise<string[]> {
  const done = await underLock(options, (dataSource) => dataSource.runMigrations({ transaction: 'each' }));
  return done.map(({ name }) => name);
}

/** Undoes what was run last, in a transaction. Its class has to be among those of `options`. */
export async function revert(options: Options): Promise<void> {
  await underLock(options, (dataSource) => dataSource.undoLastMigration({ transaction: 'each' }));
}

async function underLock<T>(options: Options, work: (dataSource: DataSource) => Promise<T>): Promise<T> {
  const lock = new pg.Client({ connectionString: options.url, application_name: 'migrations' });
  lock.on('error', () => undefined);
  await lock.connect();
  try {
    // Asking instead of waiting: CREATE INDEX CONCURRENTLY waits for every statement that runs, also for one that waits for this.
    while (!(await lock.query('SELECT pg_try_advisory_lock($1) AS got', [MIGRATION_LOCK])).rows[0].got)
      await sleep(POLL);
    const dataSource = new DataSource({ ...options, extra: { max: 2 } } as DataSourceOptions);
    await dataSource.initialize();
    try {
      return await work(dataSource);
    } finally {
      await dataSource.destroy();
    }
  } finally {
    await lock.end();
  }
}
