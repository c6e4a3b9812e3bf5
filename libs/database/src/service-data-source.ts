import { DataSource, type DataSourceOptions, type ReplicationMode } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import type { DatabaseMetrics } from './database.metrics.js';
import { readScope } from './read-only.js';
import type { Connected, Replicas } from './replicas.js';
import { type Purpose, ServiceQueryRunner } from './service-query-runner.js';

/** TypeORM's data source with runners of ours, and with the replicas for what only reads. */
export class ServiceDataSource extends DataSource {
  constructor(
    options: DataSourceOptions,
    private readonly replicas?: Replicas,
    metrics?: DatabaseMetrics,
  ) {
    super(options);
    const driver = this.driver as PostgresDriver;
    const onRepeat: Purpose['onRepeat'] = (work, reason) => metrics?.repeated(work, reason);
    const purposes = {
      anything: { reads: false, refusesWrites: false, onRepeat },
      // TypeORM asks for it when it is to run the SELECT of a repository or a query builder.
      select: { reads: true, refusesWrites: false, onRepeat },
      readOnly: { reads: true, refusesWrites: true, onRepeat },
    };
    driver.createQueryRunner = (mode: ReplicationMode) => {
      if (readScope()) return new ServiceQueryRunner(driver, 'slave', purposes.readOnly);
      return new ServiceQueryRunner(driver, 'master', mode === 'slave' ? purposes.select : purposes.anything);
    };
    if (!replicas || replicas.all.size === 0) return;
    driver.isReplicated = true;
    driver.obtainSlaveConnection = () => replicas.connect(() => driver.obtainMasterConnection() as Promise<Connected>);
  }

  override async destroy(): Promise<void> {
    await super.destroy();
    await this.replicas?.close();
  }
}
