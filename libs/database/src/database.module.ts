import { setTimeout as sleep } from 'node:timers/promises';
import { type DynamicModule, Global, Inject, Module, type OnApplicationShutdown, type Type } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DependencyRegistry, type DependencyState, Logger } from '@rookery/observability';
import { DataSource, EntityManager, type MigrationInterface } from 'typeorm';
import type { CallPool } from './call-pool.js';
import { ChangeFeed } from './change-feed.js';
import { connectDatabase } from './connect.js';
import { ControlConnection } from './control-connection.js';
import { dataSourceOptions } from './data-source-options.js';
import { DatabaseConfig } from './database.config.js';
import { DatabaseMetrics } from './database.metrics.js';
import { Replicas } from './replicas.js';
import type { ServiceDataSource } from './service-data-source.js';
import { Transactions } from './transactions.js';

/** Milliseconds. */
const POOL_CLOSE_LIMIT = 3_000;

const WRITABLE = `SELECT current_setting('transaction_read_only') = 'off' AS writable`;

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
    replicas: Replicas,
    dependencies: DependencyRegistry,
  ) {
    dependencies.register({
      name: 'database',
      critical: true,
      check: () => this.check(),
    });
    for (const [name, replica] of replicas.all) {
      // The primary is read instead.
      dependencies.register({ name: `database-${name}`, critical: false, check: async () => replica.state });
    }
  }

  /** A server that only reads is as good as none; perhaps the address leads to another one by now. */
  private async check(): Promise<DependencyState> {
    const [server] = await this.control.query<{ writable: boolean }>(WRITABLE);
    if (server!.writable) return { up: true };
    this.control.renew();
    return { up: false, detail: 'the server only reads: a standby, or default_transaction_read_only is on' };
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
        DatabaseMetrics,
        {
          provide: Replicas,
          useFactory: (config: DatabaseConfig, metrics: DatabaseMetrics, logger: Logger) =>
            new Replicas(config, name, metrics, logger),
          inject: [DatabaseConfig, DatabaseMetrics, Logger],
        },
        {
          provide: DataSource,
          useFactory: async (
            config: DatabaseConfig,
            control: ControlConnection,
            replicas: Replicas,
            metrics: DatabaseMetrics,
            logger: Logger,
          ) => {
            let opened: ServiceDataSource | undefined;
            const observer = metrics.observe('primary', () => (opened?.driver as { master?: CallPool })?.master);
            const tables = dataSourceOptions(config, options, name, logger, observer);
            return (opened = await connectDatabase(config, tables, control, logger, replicas, metrics));
          },
          inject: [DatabaseConfig, ControlConnection, Replicas, DatabaseMetrics, Logger],
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
