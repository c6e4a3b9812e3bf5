import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@rookery/observability';
import type { DataSourceOptions } from 'typeorm';
import { ControlConnection } from './control-connection.js';
import type { DatabaseConfig } from './database.config.js';
import { mapDatabaseError } from './database-errors.js';
import type { DatabaseMetrics } from './database.metrics.js';
import { type Waiting, migrate, pendingMigrations } from './migrations.js';
import type { Replicas } from './replicas.js';
import { ServiceDataSource } from './service-data-source.js';

const BACKOFF = { first: 100, longest: 3_000 };

/** Milliseconds between two looks at whether somebody else has migrated. */
const POLL = 250;

/**
 * Opens the database for a starting service: waits for it, runs pending migrations or waits for who does, as the
 * configuration says, and opens the pool.
 * @throws what the last attempt failed with, after DATABASE_START_TIMEOUT, or at once when waiting cannot help
 */
export async function connectDatabase(
  config: DatabaseConfig,
  options: DataSourceOptions,
  control: ControlConnection,
  logger: Logger,
  replicas?: Replicas,
  metrics?: DatabaseMetrics,
): Promise<ServiceDataSource> {
  const giveUpAt = Date.now() + config.startTimeout;
  try {
    await openWhenReachable(control, config, logger);
    const { applicationName: name = 'the service' } = options as Extract<DataSourceOptions, { type: 'postgres' }>;
    const names = (options.migrations as readonly { name: string }[]).map(({ name }) => name);
    if (!config.migrate) await untilMigrated(control, names, giveUpAt, name, logger);
    else if ((await pendingMigrations(control, names)).length > 0) {
      const done = await migrate(options, waitingUntil(giveUpAt, logger));
      if (done.length > 0) logger.info({ migrations: done }, 'migrations run');
    }
    const dataSource = new ServiceDataSource(options, replicas, metrics);
    await dataSource.initialize();
    return dataSource;
  } catch (error) {
    await Promise.all([control.close(), replicas?.close()]);
    throw error;
  }
}

/** Opens `control` as soon as the database lets it, with backoff, saying what it waits for. */
export async function openWhenReachable(
  control: ControlConnection,
  config: DatabaseConfig,
  logger: Logger,
): Promise<void> {
  const giveUpAt = Date.now() + config.startTimeout;
  for (let wait = BACKOFF.first; ; wait = Math.min(wait * 2, BACKOFF.longest)) {
    try {
      return await control.open();
    } catch (error) {
      const reason = error instanceof Error ? error.message || String(error) : String(error);
      if (!mapDatabaseError(error) || Date.now() + wait > giveUpAt) {
        throw new Error(`the database of DATABASE_URL cannot be used: ${reason}`, { cause: error });
      }
      logger.warn(`waiting for the database: ${reason}; next attempt in ${wait} ms`);
      await sleep(wait);
    }
  }
}

/** How the migration lock is waited for, perhaps for long. */
export function waitingUntil(giveUpAt: number, logger: Logger): Waiting {
  return {
    giveUpAt,
    told: (holder) => logger.info({ holder }, 'waiting for the migrations that somebody else is running'),
  };
}

/** With DATABASE_MIGRATE=false: old tables under new code fail each call, so there is no start without the migrations. */
async function untilMigrated(
  control: ControlConnection,
  migrations: readonly string[],
  giveUpAt: number,
  name: string,
  logger: Logger,
): Promise<void> {
  let pending = await pendingMigrations(control, migrations);
  if (pending.length === 0) return;
  const say = 'waiting for somebody else to run the pending migrations, as DATABASE_MIGRATE=false says';
  logger.info(`${say}: ${pending.join(', ')}`);
  while (pending.length > 0) {
    if (Date.now() > giveUpAt) {
      throw new Error(
        `DATABASE_MIGRATE=false, and nobody has run ${pending.join(', ')} within DATABASE_START_TIMEOUT; ` +
          `what runs them: node dist/apps/${name}/main.js migrate`,
        { cause: pending },
      );
    }
    await sleep(POLL);
    // A connection that was lost meanwhile comes back by itself.
    if (control.connected) pending = await pendingMigrations(control, migrations).catch(() => pending);
  }
}
