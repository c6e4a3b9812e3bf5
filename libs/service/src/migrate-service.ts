import type { Type } from '@nestjs/common';
import { type ConfigClass, Environment } from '@rookery/config';
import { DatabaseConfig, migrateDatabase } from '@rookery/database';
import { LogConfig, createLogger } from '@rookery/observability';
import { Configuration } from './configuration.js';
import { embed } from './embed.js';
import { EmbeddedConfig } from './service.config.js';
import { declarationOf } from './service.module.js';

/**
 * Runs the service's pending migrations, as its start does, and nothing else.
 * @throws {TypeError} when the service has no database
 */
export async function migrateService(service: Type): Promise<void> {
  const { name, database } = declarationOf(service);
  if (!database) throw new TypeError(`${name} has no database to migrate`);
  const classes: ConfigClass[] = [LogConfig, DatabaseConfig, EmbeddedConfig];
  const configuration = new Configuration(classes, new Environment(process.env));
  const logger = createLogger(configuration.get(LogConfig), name);
  const embedded = await embed(name, configuration, (line) => logger.info(line));
  try {
    const config = (embedded?.configuration ?? configuration).get(DatabaseConfig);
    const done = await migrateDatabase(config, database, name, logger);
    logger.info({ migrations: done }, done.length > 0 ? 'migrations run' : 'no migration is pending');
  } finally {
    await embedded?.postgres.release();
  }
}
