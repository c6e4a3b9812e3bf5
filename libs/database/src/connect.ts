import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@rookery/observability';
import type { DataSourceOptions } from 'typeorm';
import { ControlConnection } from './control-connection.js';
import type { DatabaseConfig } from './database.config.js';
import { mapDatabaseError } from './database-errors.js';
import type { DatabaseMetrics } from './database.metrics.js';
import { isMigrated, migrate } from './migrations.js';
import type { Replicas } from './replicas.js';
import { ServiceDataSource } from './service-data-source.js';

const BACKOFF = { first: 100, longest: 3_000 };

/**
 * Opens the database for a starting service: waits for it, runs pending migrations if the configuration says so, and
 * opens the pool.
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
  try {
    await openWhenReachable(control, config, logger);
    const names = (options.migrations as readonly { name: string }[]).map(({ name }) => name);
    if (config.migrate && !(await isMigrated(control, names))) {
      const done = await migrate(options);
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
