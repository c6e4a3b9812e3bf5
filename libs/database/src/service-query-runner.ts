import type { ReplicationMode } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { PostgresQueryRunner } from 'typeorm/driver/postgres/PostgresQueryRunner.js';
import { backOff } from './backoff.js';
import type { CommitHooks } from './commit-hooks.js';
import {
  isReadOnlyServer,
  isReadTimeout,
  isReleased,
  mapDatabaseError,
  mappingErrors,
  whyRepeat,
} from './database-errors.js';
import type { LeasedClient } from './leased-client.js';
import type { Ahead } from './statement-batch.js';
import { beginStatement, endFailed } from './statement-span.js';
import type { IsolationLevel } from './transactions.js';

/** What begins a statement that a replica refuses; the primary, which stands in for one, would not. */
const WRITES = /^\s*(INSERT|UPDATE|DELETE|MERGE|TRUNCATE|CREATE|ALTER|DROP)\b/i;

/** The end of a whole transaction. */
const ENDS = /^(COMMIT|ROLLBACK)$/;

/**
 * How often a read, or the first statement of a transaction, is repeated when its connection breaks: the first other one
 * may be as dead as this one was.
 */
const REPEATS = 2;

/** What TypeORM's runner does itself when its connection reports an error: give it back as broken. */
interface Discardable {
  releasePostgresConnection(error: unknown): Promise<void>;
  isReleased: boolean;
  databaseConnection: unknown;
  databaseConnectionPromise: unknown;
}

export interface Purpose {
  /** Whether it runs nothing but reads, as far as TypeORM or `@ReadOnly` knows. */
  readonly reads: boolean;
  /** Whether a write is a mistake. */
  readonly refusesWrites: boolean;
  onRepeat(work: 'read' | 'transaction', reason: 'conflict' | 'broken'): void;
}

/**
 * TypeORM's runner, the one way that all statements take, with four differences: what fails with a meaning to callers
 * fails with an error of the catalogue; a read whose connection broke is repeated on another one, and so is the first
 * statement of a transaction; a statement may go with the next one; hooks of a savepoint go with it.
 */
export class ServiceQueryRunner extends PostgresQueryRunner {
  /** Of the transaction that it runs, when that is one of `Transactions`. */
  hooks: CommitHooks | undefined;
  private begin = 'START TRANSACTION';
  /** Whether the server has confirmed nothing of the transaction yet: its begin goes with the first statement. */
  private opening = false;
  /** What goes with that statement besides. */
  private opensWith: Ahead[] = [];
  private reopening: Promise<void> | undefined;
  /** Whether its COMMIT or ROLLBACK is on its way: what comes behind that would be committed by itself. */
  private ending = false;

  constructor(
    driver: PostgresDriver,
    mode: ReplicationMode,
    private readonly purpose: Purpose,
    private repeats = REPEATS,
  ) {
    super(driver, mode);
  }

  override query<T = never>(text: string, parameters?: unknown[], useStructuredResult = false): Promise<T> {
    // What begins a transaction is not sent by itself.
    const span = text === 'START TRANSACTION' ? undefined : beginStatement(text);
    const answer = this.run<T>(text, parameters, useStructuredResult);
    if (span) {
      answer.then(
        () => span.end(),
        (error: unknown) => endFailed(span, error),
      );
    }
    return answer;
  }

  private async run<T>(text: string, parameters: unknown[] | undefined, useStructuredResult: boolean): Promise<T> {
    const { reads, refusesWrites, onRepeat } = this.purpose;
    if (refusesWrites && WRITES.test(text)) {
      throw new Error(`what is marked as read-only must not write: ${text.slice(0, 80)}`);
    }
    if (this.ending && !ENDS.test(text)) throw tooLate(text);
    const sql = text === 'START TRANSACTION' ? this.begin : text;
    const again = (runner: PostgresQueryRunner) => runner.query(sql, parameters, useStructuredResult as true) as T;
    const connection = this.databaseConnection as LeasedClient | undefined;
    try {
      const result = (await super.query(sql, parameters, useStructuredResult as true)) as T;
      this.opening = false;
      return result;
    } catch (thrown) {
      const error = this.explain(thrown);
      // Nobody else may get the connection to a server that does not answer, or that is the primary no more.
      if (isReadTimeout(error) || (!refusesWrites && isReadOnlyServer(error)))
        await this.discardable.releasePostgresConnection(error);
      const reason = this.repeats > 0 ? whyRepeat(error) : undefined;
      const opens = this.opening && reason === 'broken' && !ENDS.test(text);
      const repeatable = reason && (opens || (reads && !this.isTransactionActive));
      if (!repeatable || !(await backOff(REPEATS - this.repeats))) throw mapDatabaseError(error) ?? error;
      onRepeat(opens ? 'transaction' : 'read', reason);
      if (opens) {
        // Statements that were issued together fail together.
        if (this.databaseConnection === connection) this.reopening = mappingErrors(() => this.reopen(error));
        await this.reopening;
        return await again(this);
      }
      const other = new ServiceQueryRunner(this.driver, 'master', this.purpose, this.repeats - 1);
      try {
        return await again(other);
      } finally {
        await other.release();
      }
    }
  }

  /**
   * Runs `statement` with the next one of the transaction, or with its end, in one round trip: then it fails, if it does,
   * and its result is not read.
   */
  async runWithNext(statement: Ahead): Promise<void> {
    const { text, values } = statement;
    if (this.ending) throw tooLate(text);
    if (!this.isTransactionActive || this.isReleased) return this.query(text, values as unknown[]);
    this.dataSource.logger.logQuery(text, values as unknown[], this);
    if (this.opening) this.opensWith.push(statement);
    (this.databaseConnection as LeasedClient).hold(statement);
  }

  /** On another connection: nothing of this transaction has happened, or will. */
  private async reopen(error: unknown): Promise<void> {
    this.repeats -= 1;
    const released = this.discardable.releasePostgresConnection(error);
    Object.assign(this.discardable, {
      isReleased: false,
      databaseConnection: undefined,
      databaseConnectionPromise: undefined,
    });
    await released;
    await super.query(this.begin);
    for (const statement of this.opensWith) (this.databaseConnection as LeasedClient).hold(statement);
  }

  private get discardable(): Discardable {
    return this as unknown as Discardable;
  }

  /** Like TypeORM's, with the isolation level in the begin. */
  override async startTransaction(isolation?: IsolationLevel): Promise<void> {
    if (this.isTransactionActive) {
      await super.startTransaction();
      this.hooks?.openSavepoint();
      return;
    }
    this.ending = false;
    this.begin = isolation ? `START TRANSACTION ISOLATION LEVEL ${isolation}` : 'START TRANSACTION';
    await super.startTransaction();
    this.opening = true;
    this.opensWith = [];
  }

  /** 1 in a transaction, 2 in a savepoint of it, and so on. */
  get depth(): number {
    return this.transactionDepth;
  }

  override async commitTransaction(): Promise<void> {
    if (this.ending) throw tooLate('COMMIT');
    const savepoint = this.transactionDepth > 1;
    this.ending = !savepoint;
    await super.commitTransaction();
    if (savepoint) this.hooks?.closeSavepoint(true);
  }

  override async rollbackTransaction(): Promise<void> {
    const savepoint = this.transactionDepth > 1;
    this.ending ||= !savepoint;
    await super.rollbackTransaction();
    if (savepoint) this.hooks?.closeSavepoint(false);
  }

  /** Whatever savepoints are open, and whatever subscribers say to it. Who is still in one can only fail from now on. */
  async rollbackWhole(): Promise<void> {
    if (!this.isTransactionActive) return;
    this.ending = true;
    await this.broadcaster.broadcast('BeforeTransactionRollback').catch(() => undefined);
    await this.query('ROLLBACK');
    this.isTransactionActive = false;
    this.transactionDepth = 0;
    await this.broadcaster.broadcast('AfterTransactionRollback');
  }

  /** A connection that broke between two statements was given back already; what it broke of says more. */
  explain(thrown: unknown): unknown {
    const client = this.databaseConnection as LeasedClient | undefined;
    return isReleased(thrown) && client?.brokenBy ? client.brokenBy : thrown;
  }
}

function tooLate(text: string): Error {
  return new Error(`the transaction has ended; was this statement not awaited? ${text.slice(0, 80)}`);
}
