import { DataSource, type QueryRunner, type ReplicationMode } from 'typeorm';
import { isReadTimeout, mappingErrors } from './database-errors.js';

/** What TypeORM's runner does itself when its connection reports an error: give it back as broken. */
interface Discardable {
  releasePostgresConnection(error: unknown): Promise<void>;
}

/**
 * TypeORM's data source with one difference: every statement, whichever way it is issued, fails with an error of the
 * catalogue (`AlreadyExists`, `Unavailable`, …) where the failure has a meaning to callers.
 */
export class ServiceDataSource extends DataSource {
  override createQueryRunner(mode?: ReplicationMode): QueryRunner {
    const runner = super.createQueryRunner(mode);
    const query = runner.query.bind(runner) as (...args: unknown[]) => Promise<unknown>;
    runner.query = ((...args: unknown[]) =>
      mappingErrors(async () => {
        try {
          return await query(...args);
        } catch (error) {
          // The server does not answer: nobody else may get this connection, which still waits for its reply.
          if (isReadTimeout(error)) await (runner as unknown as Discardable).releasePostgresConnection(error);
          throw error;
        }
      })) as QueryRunner['query'];
    return runner;
  }
}
