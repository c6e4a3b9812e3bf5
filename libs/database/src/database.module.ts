import { setTimeout as sleep } from 'node:timers/promises';
import { type DynamicModule, Global, Inject, Module, type OnApplicationShutdown, type Type } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DependencyRegistry, Logger, Metrics } from '@rookery/observability';
import type { Pool } from 'pg';
import { DataSource, EntityManager, type MigrationInterface } from 'typeorm';
import { ChangeFeed } from './change-feed.js';
import { connectDatabase } from './connect.js';
import { ControlConnection } from './control-connection.js';
import { dataSourceOptions } from './data-source-options.js';
import { DatabaseConfig } from './database.config.js';
import { Transactions } from './transactions.js';

/** Milliseconds. */
const POOL_CLOSE_LIMIT = 3_000;

/** What a service keeps in its database. */
export interface DatabaseOptions {
  entities: readonly Type[];
  /** In any order: they run by the timestamps in their names. */
  migrations: readonly Type<MigrationInterface>[];
}

/**
 * TypeORM on one pool. Provides `DataSource`, `EntityManager`, a repository for each entity
 * (`@InjectRepository(User)`), `Transactions` and `ChangeFeed`.
 */
@Global()
@Module({})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(
    @Inject(DataSource) private readonly dataSource: DataSource,
    private readonly control: ControlConnection,
    dependencies: DependencyRegistry,
    metrics: Metrics,
  ) {
    dependencies.register({
      name: 'database',
      critical: true,
      check: async () => {
        await this.control.query('SELECT 1');
        return { up: true };
      },
    });
    metrics.gauge('database_pool_connections', 'Connections of the pool, by state.', ['state'], (gauge) => {
      const pool = (this.dataSource.driver as unknown as { master?: Pool }).master;
      if (!pool) return;
      gauge.set({ state: 'idle' }, pool.idleCount);
      gauge.set({ state: 'in_use' }, pool.totalCount - pool.idleCount);
      gauge.set({ state: 'waiting' }, pool.waitingCount);
    });
  }

  /** @param name the service's name, which the server shows as application_name */
  static register(name: string, options: DatabaseOptions): DynamicModule {
    const repositories = TypeOrmModule.forFeature([...options.entities]);
    return {
      module: DatabaseModule,
      imports: [repositories],
      providers: [
        {
          provide: ControlConnection,
          useFactory: (config: DatabaseConfig, logger: Logger) => new ControlConnection(config.url!, name, logger),
          inject: [DatabaseConfig, Logger],
        },
        {
          provide: DataSource,
          useFactory: (config: DatabaseConfig, control: ControlConnection, logger: Logger) =>
            connectDatabase(config, dataSourceOptions(config, options, name, logger), control, logger),
          inject: [DatabaseConfig, ControlConnection, Logger],
        },
        { provide: EntityManager, useFactory: ({ manager }: DataSource) => manager, inject: [DataSource] },
        Transactions,
        ChangeFeed,
      ],
      exports: [repositories, DataSource, EntityManager, Transactions, ChangeFeed, ControlConnection],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.control.close();
    if (!this.dataSource.isInitialized) return;
    // The pool waits for connections in use; a call that was cut off may hold one until its statement times out.
    await Promise.race([this.dataSource.destroy(), sleep(POOL_CLOSE_LIMIT, undefined, { ref: false })]);
  }
}
