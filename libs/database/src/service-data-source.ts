import { DataSource, type QueryRunner, type ReplicationMode } from 'typeorm';
import { mappingErrors } from './database-errors.js';

/**
 * TypeORM's data source with one difference: every statement, whichever way it is issued, fails with an error of the
 * catalogue (`AlreadyExists`, `Unavailable`, …) where the failure has a meaning to callers.
 */
export class ServiceDataSource extends DataSource {
  override createQueryRunner(mode?: ReplicationMode): QueryRunner {
    const runner = super.createQueryRunner(mode);
    const query = runner.query.bind(runner) as (...args: unknown[]) => Promise<unknown>;
    runner.query = ((...args: unknown[]) => mappingErrors(() => query(...args))) as QueryRunner['query'];
    return runner;
  }
}
