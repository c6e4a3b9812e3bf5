import type { Logger } from '@rookery/observability';
import pg from 'pg';
import type { DataSourceOptions } from 'typeorm';
import { BoundedPool } from './bounded-pool.js';
import type { DatabaseConfig } from './database.config.js';
import type { DatabaseOptions } from './database.module.js';

/** A call that waits for its statement longer than the server may work on it has lost its server. */
const CLIENT_GRACE = 1_000;

/** How TypeORM reaches the database: the bounded pool of the configuration, no synchronisation of schemas, ever. */
export function dataSourceOptions(
  config: DatabaseConfig,
  { entities, migrations }: DatabaseOptions,
  name: string,
  logger: Logger,
): DataSourceOptions {
  return {
    type: 'postgres',
    url: config.url,
    driver: { ...pg, Pool: BoundedPool },
    entities: [...entities],
    migrations: [...migrations],
    migrationsTableName: 'migrations',
    synchronize: false,
    logging: false,
    applicationName: name,
    poolErrorHandler: (error: unknown) => logger.warn({ error }, 'an idle database connection broke'),
    extra: {
      max: config.poolMax,
      maxIdle: config.poolMaxIdle,
      idleTimeoutMillis: 30_000,
      maxLifetimeSeconds: config.poolMaxLifetime / 1000,
      connectionTimeoutMillis: config.connectTimeout,
      statement_timeout: config.statementTimeout,
      query_timeout: config.statementTimeout + CLIENT_GRACE,
      idle_in_transaction_session_timeout: config.statementTimeout,
      keepAlive: true,
    },
  };
}
