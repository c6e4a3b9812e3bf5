import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource, type DataSourceOptions, MigrationExecutor, type QueryRunner } from 'typeorm';
import { whyRepeat } from './database-errors.js';

/** Any number that all Rookery services agree on; advisory locks are per database. */
const MIGRATION_LOCK = 7_665_001;

/** Milliseconds. */
const POLL = 100;

/**
 * TypeORM's table, with what it does not have: a migration is recorded once. Two that run the same one, because something
 * between them and the server does not keep sessions apart, cannot both commit.
 */
const TABLE = `
  CREATE TABLE IF NOT EXISTS migrations (id serial PRIMARY KEY, timestamp bigint NOT NULL, name varchar NOT NULL);
  CREATE UNIQUE INDEX IF NOT EXISTS migrations_once ON migrations (name)`;

interface Session {
  query(text: string): Promise<unknown>;
}

/** The class names of the migrations that the database says it has had, the oldest first. */
export async function migrationsRun(session: Session): Promise<string[]> {
  const [table] = (await session.query(`SELECT to_regclass('migrations') IS NOT NULL AS exists`)) as [
    { exists: boolean },
  ];
  if (!table.exists) return [];
  const rows = (await session.query('SELECT name FROM migrations ORDER BY id')) as { name: string }[];
  return rows.map(({ name }) => name);
}

/**
 * Those of `migrations` (class names) that the database has not had, found out without a lock and with one short query:
 * usually none, and a start then needs no connection of its own for them.
 */
export async function pendingMigrations(session: Session, migrations: readonly string[]): Promise<string[]> {
  const done = new Set(await migrationsRun(session));
  return migrations.filter((name) => !done.has(name));
}

/**
 * Runs the pending migrations, each in its own transaction. However many replicas call this at once, one migrates and
 * the others wait for it. No statement timeout applies: a migration takes as long as it takes.
 * @param onWait told once when somebody else is at it
 * @returns the names of the migrations that were run, the oldest first
 */
export async function migrate(options: DataSourceOptions, onWait?: () => void): Promise<string[]> {
  return underLock(options, onWait, async (executor, runner) => {
    await runner.query(TABLE);
    return (await executor.executePendingMigrations()).map(({ name }) => name);
  });
}

/**
 * Undoes what was run last, in a transaction unless the migration says `transaction = false`.
 * @param approve throws when the migration of that name may not be undone
 * @returns its name; undefined when there is none
 */
export async function revert(
  options: DataSourceOptions,
  approve: (name: string) => void,
  onWait?: () => void,
): Promise<string | undefined> {
  return underLock(options, onWait, async (executor, runner) => {
    const last = (await migrationsRun(runner)).at(-1);
    if (last === undefined) return undefined;
    approve(last);
    const undone = runner.dataSource.migrations.find(({ name, constructor }) => (name ?? constructor.name) === last);
    if (undone?.transaction === false) executor.transaction = 'none';
    await executor.undoLastMigration();
    return last;
  });
}

/** The session that has the lock does the work: neither outlives the other. */
async function underLock<T>(
  options: DataSourceOptions,
  onWait: (() => void) | undefined,
  work: (executor: MigrationExecutor, runner: QueryRunner) => Promise<T>,
): Promise<T> {
  const { keepAlive, connectionTimeoutMillis } = options.extra as Record<string, unknown>;
  const dataSource = new DataSource({ ...options, extra: { max: 2, keepAlive, connectionTimeoutMillis } });
  await dataSource.initialize();
  const runner = dataSource.createQueryRunner();
  try {
    await obtainLock(runner, onWait);
    const executor = new MigrationExecutor(dataSource, runner);
    executor.transaction = 'each';
    return await work(executor, runner);
  } catch (error) {
    if (whyRepeat(error) !== 'broken') throw error;
    const what =
      'lost the connection that holds the migration lock; what was being run is undone (unless it is without';
    throw new Error(`${what} a transaction), what had been run before stays. Run it again`, { cause: error });
  } finally {
    await runner.release();
    await dataSource.destroy();
  }
}

async function obtainLock(runner: QueryRunner, onWait: (() => void) | undefined): Promise<void> {
  // Asking instead of waiting: CREATE INDEX CONCURRENTLY waits for every statement that runs, also for one that waits for this.
  for (let tries = 0; ; tries += 1) {
    const sql = 'SELECT pg_try_advisory_lock($1) AS got';
    const [{ got }] = (await runner.query(sql, [MIGRATION_LOCK])) as unknown as [{ got: boolean }];
    if (got) return;
    if (tries === 0) onWait?.();
    await sleep(POLL);
  }
}
