import type { ReplicationMode } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { PostgresQueryRunner } from 'typeorm/driver/postgres/PostgresQueryRunner.js';
import { backOff } from './backoff.js';
import type { CommitHooks } from './commit-hooks.js';
import { isReadTimeout, isReleased, mapDatabaseError, whyRepeat } from './database-errors.js';
import type { LeasedClient } from './leased-client.js';
import type { IsolationLevel } from './transactions.js';

/** What begins a statement that a replica refuses; the primary, which stands in for one, would not. */
const WRITES = /^\s*(INSERT|UPDATE|DELETE|MERGE|TRUNCATE|CREATE|ALTER|DROP)\b/i;

/** How often a read is repeated when its connection breaks: the first other one may be as dead as this one was. */
const READ_REPEATS = 2;

/** What TypeORM's runner does itself when its connection reports an error: give it back as broken. */
interface Discardable {
  releasePostgresConnection(error: unknown): Promise<void>;
}

export interface Purpose {
  /** Whether it runs nothing but reads, as far as TypeORM or `@ReadOnly` knows. */
  readonly reads: boolean;
  /** Whether a write is a mistake. */
  readonly refusesWrites: boolean;
  onRepeat(reason: 'conflict' | 'broken'): void;
}

/**
 * TypeORM's runner, the one way that all statements take, with three differences: what fails with a meaning to callers
 * fails with an error of the catalogue; a read whose connection broke is repeated on another one; hooks of a savepoint go
 * with it.
 */
export class ServiceQueryRunner extends PostgresQueryRunner {
  /** Of the transaction that it runs, when that is one of `Transactions`. */
  hooks: CommitHooks | undefined;
  private begin = 'START TRANSACTION';

  constructor(
    driver: PostgresDriver,
    mode: ReplicationMode,
    private readonly purpose: Purpose,
    private readonly repeats = READ_REPEATS,
  ) {
    super(driver, mode);
  }

  override async query<T = never>(text: string, parameters?: unknown[], useStructuredResult = false): Promise<T> {
    const { reads, refusesWrites, onRepeat } = this.purpose;
    if (refusesWrites && WRITES.test(text)) {
      throw new Error(`what is marked as read-only must not write: ${text.slice(0, 80)}`);
    }
    const sql = text === 'START TRANSACTION' ? this.begin : text;
    const run = (runner: PostgresQueryRunner) => runner.query(sql, parameters, useStructuredResult as true) as T;
    try {
      return (await super.query(sql, parameters, useStructuredResult as true)) as T;
    } catch (thrown) {
      const error = this.explain(thrown);
      // The server does not answer: nobody else may get this connection, which still waits for its reply.
      if (isReadTimeout(error)) await (this as unknown as Discardable).releasePostgresConnection(error);
      const reason = reads && !this.isTransactionActive && this.repeats > 0 ? whyRepeat(error) : undefined;
      if (!reason || !(await backOff(READ_REPEATS - this.repeats))) throw mapDatabaseError(error) ?? error;
      onRepeat(reason);
      const other = new ServiceQueryRunner(this.driver, 'master', this.purpose, this.repeats - 1);
      try {
        return await run(other);
      } finally {
        await other.release();
      }
    }
  }

  /** Like TypeORM's, with the isolation level in the same round trip. */
  override async startTransaction(isolation?: IsolationLevel): Promise<void> {
    this.begin = isolation ? `START TRANSACTION ISOLATION LEVEL ${isolation}` : 'START TRANSACTION';
    await super.startTransaction();
    if (this.transactionDepth > 1) this.hooks?.openSavepoint();
  }

  override async commitTransaction(): Promise<void> {
    const savepoint = this.transactionDepth > 1;
    await super.commitTransaction();
    if (savepoint) this.hooks?.closeSavepoint(true);
  }

  override async rollbackTransaction(): Promise<void> {
    const savepoint = this.transactionDepth > 1;
    await super.rollbackTransaction();
    if (savepoint) this.hooks?.closeSavepoint(false);
  }

  /** A connection that broke between two statements was given back already; what it broke of says more. */
  explain(thrown: unknown): unknown {
    const client = this.databaseConnection as LeasedClient | undefined;
    return isReleased(thrown) && client?.brokenBy ? client.brokenBy : thrown;
  }
}
