import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource, type DataSourceOptions, MigrationExecutor, type QueryRunner } from 'typeorm';
import { whyRepeat } from './database-errors.js';

/** Any number that all Rookery services agree on; advisory locks are per database. */
const MIGRATION_LOCK = 7_665_001;

/** Milliseconds between two attempts to get the lock, and between two looks at who has it. */
const POLL = 100;
const REPORT = 10_000;

/**
 * The server gives a session up 25 s after its client has vanished, also with an answer on its way to it. By default the lock of a
 * machine that lost its power would be held for two hours.
 */
const KEEPALIVES = `
  SELECT set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false),
    set_config('tcp_keepalives_count', '3', false), set_config('tcp_user_timeout', '25s', false)`;

/** https://www.postgresql.org/docs/current/view-pg-locks.html: the halves of the key, and 1 for a key that is one number */
const HOLDER = `
  SELECT pid, application_name AS application, host(client_addr) AS address, state, state_change AS since, query AS statement
  FROM pg_locks JOIN pg_stat_activity USING (pid)
  WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = $1 AND objsubid = 1
    AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/** The session that runs migrations. */
export interface LockHolder {
  readonly pid: number;
  readonly application: string;
  /** Null through a local socket. */
  readonly address: string | null;
  /** What it is at, for example `idle in transaction`, and since when. Null for a role that may not see it. */
  readonly state: string | null;
  readonly since: Date | null;
  readonly statement: string;
}

/** Until when, and with which word, the migrations of others are waited for. */
export interface Waiting {
  /** Milliseconds since 1970. */
  readonly giveUpAt: number;
  /** Who has the lock; at once, and every 10 s. */
  told(holder: LockHolder | undefined): void;
}

const PATIENTLY: Waiting = { giveUpAt: Number.POSITIVE_INFINITY, told: () => undefined };

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
 * @throws Error when somebody else is at it for too long
 * @returns the names of the migrations that were run, the oldest first
 */
export async function migrate(options: DataSourceOptions, waiting = PATIENTLY): Promise<string[]> {
  return underLock(options, waiting, async (executor, runner) => {
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
  waiting = PATIENTLY,
): Promise<string | undefined> {
  return underLock(options, waiting, async (executor, runner) => {
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
  waiting: Waiting,
  work: (executor: MigrationExecutor, runner: QueryRunner) => Promise<T>,
): Promise<T> {
  const { keepAlive, connectionTimeoutMillis } = options.extra as Record<string, unknown>;
  const dataSource = new DataSource({ ...options, extra: { max: 2, keepAlive, connectionTimeoutMillis } });
  await dataSource.initialize();
  const runner = dataSource.createQueryRunner();
  try {
    await obtainLock(runner, waiting);
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

async function obtainLock(runner: QueryRunner, { giveUpAt, told }: Waiting): Promise<void> {
  await runner.query(KEEPALIVES);
  let reported = Number.NEGATIVE_INFINITY;
  // Asking instead of waiting: CREATE INDEX CONCURRENTLY waits for every statement that runs, also for one that waits for this.
  for (;;) {
    const sql = 'SELECT pg_try_advisory_lock($1) AS got';
    const [{ got }] = (await runner.query(sql, [MIGRATION_LOCK])) as unknown as [{ got: boolean }];
    if (got) return;
    if (Date.now() > giveUpAt) {
      const who = described(await holderOf(runner));
      throw new Error(`the migrations that somebody else is running did not end within DATABASE_START_TIMEOUT: ${who}`);
    }
    if (Date.now() - reported >= REPORT) {
      reported = Date.now();
      told(await holderOf(runner));
    }
    await sleep(POLL);
  }
}

async function holderOf(runner: QueryRunner): Promise<LockHolder | undefined> {
  const [holder] = (await runner.query(HOLDER, [MIGRATION_LOCK])) as unknown as LockHolder[];
  return holder;
}

function described(holder: LockHolder | undefined): string {
  if (!holder) return 'they have ended just now';
  const { pid, application, address, state, statement } = holder;
  return `process ${pid} (${application}${address === null ? '' : ` at ${address}`}), ${state ?? 'unknown'}: ${statement}`;
}
