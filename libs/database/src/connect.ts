import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@rookery/observability';
import type { DataSourceOptions } from 'typeorm';
import type { ControlConnection } from './control-connection.js';
import type { DatabaseConfig } from './database.config.js';
import { mapDatabaseError } from './database-errors.js';
import { migrate } from './migrations.js';
import { ServiceDataSource } from './service-data-source.js';

const BACKOFF = { first: 100, longest: 3_000 };

/**
 * Opens the database for a starting service: waits for it (with backoff, saying so), runs pending migrations if the
 * configuration says so, and opens the pool.
 * @throws what the last attempt failed with, after DATABASE_START_TIMEOUT, or at once when waiting cannot help
 */
export async function connectDatabase(
  config: DatabaseConfig,
  options: DataSourceOptions,
  control: ControlConnection,
  logger: Logger,
): Promise<ServiceDataSource> {
  const giveUpAt = Date.now() + config.startTimeout;
  for (let wait = BACKOFF.first; ; wait = Math.min(wait * 2, BACKOFF.longest)) {
    try {
      await control.open();
      break;
    } catch (error) {
      const reason = error instanceof Error ? error.message || String(error) : String(error);
      if (!mapDatabaseError(error) || Date.now() + wait > giveUpAt) {
        throw new Error(`the database of DATABASE_URL cannot be used: ${reason}`, { cause: error });
      }
      logger.warn(`waiting for the database: ${reason}; next attempt in ${wait} ms`);
      await sleep(wait);
    }
  }
  if (config.migrate) {
    const done = await migrate(options);
    if (done.length > 0) logger.info({ migrations: done }, 'migrations run');
  }
  const dataSource = new ServiceDataSource(options);
  await dataSource.initialize();
  return dataSource;
}
