import type { Logger } from '@rookery/observability';
import pg from 'pg';
import type { DataSourceOptions } from 'typeorm';
import { CallPool, type CallPoolOptions, type PoolObserver } from './call-pool.js';
import type { DatabaseConfig } from './database.config.js';
import type { DatabaseOptions } from './database.module.js';

/**
 * Milliseconds after which a connection beyond DATABASE_POOL_MAX_IDLE is closed. Not at once: under load each call would
 * then open a connection of its own, which costs more than the call.
 */
const SURPLUS_GRACE = 5_000;

/** A call that waits for its statement longer than the server may work on it has lost its server. */
const CLIENT_GRACE = 1_000;

/** How TypeORM reaches the database: the pool of the configuration, no synchronisation of schemas, ever. */
export function dataSourceOptions(
  config: DatabaseConfig,
  { entities, migrations }: DatabaseOptions,
  name: string,
  logger: Logger,
  observer?: PoolObserver,
): DataSourceOptions {
  return {
    type: 'postgres',
    url: config.url,
    // TypeORM would look it up by name at run time, where a bundle has no names.
    driver: { Pool: CallPool, defaults: pg.defaults },
    entities: [...entities],
    migrations: [...migrations],
    migrationsTableName: 'migrations',
    synchronize: false,
    logging: false,
    applicationName: name,
    poolErrorHandler: (error: unknown) => logger.warn({ error }, 'an idle database connection broke'),
    extra: poolOptions(config, logger, observer),
  };
}

/** The bounds of a pool, of the primary as of a replica. */
export function poolOptions(config: DatabaseConfig, logger: Logger, observer?: PoolObserver): CallPoolOptions {
  return {
    max: config.poolMax,
    // pg-pool closes what is idle for the timeout as long as more than `min` connections are open.
    min: config.poolMaxIdle,
    idleTimeoutMillis: SURPLUS_GRACE,
    maxLifetimeSeconds: config.poolMaxLifetime / 1000,
    connectionTimeoutMillis: config.connectTimeout,
    statement_timeout: config.statementTimeout,
    query_timeout: config.statementTimeout + CLIENT_GRACE,
    idle_in_transaction_session_timeout: config.idleInTransactionTimeout,
    keepAlive: true,
    observer,
    logger,
  };
}
