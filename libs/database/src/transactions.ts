import { Injectable } from '@nestjs/common';
import { callContext, contextLike, orAborted, runWithContext } from '@rookery/context';
import { Unavailable } from '@rookery/errors';
import { Logger } from '@rookery/observability';
import { DataSource, type EntityManager, QueryFailedError } from 'typeorm';
import { backOff } from './backoff.js';
import { type CommitHook, CommitHooks } from './commit-hooks.js';
import { isReleased, mapDatabaseError, whyRepeat } from './database-errors.js';
import { DatabaseMetrics } from './database.metrics.js';
import { type OpenTransaction, openTransaction, runWithin } from './open-transaction.js';
import { mayWrite, readOnly } from './read-only.js';
import { ServiceQueryRunner } from './service-query-runner.js';
import type { Statement } from './statement-batch.js';

/** PostgreSQL's, without the one that it takes for READ COMMITTED. */
export type IsolationLevel = 'READ COMMITTED' | 'REPEATABLE READ' | 'SERIALIZABLE';

export interface TransactionOptions {
  /** Default: READ COMMITTED. */
  isolation?: IsolationLevel;
  /**
   * How often `work` may be repeated after a conflict with another transaction, or when the connection breaks before the
   * commit. Default: 3 for REPEATABLE READ and SERIALIZABLE, which conflict by design, otherwise 0.
   */
  retries?: number;
}

const CONFLICT_RETRIES = 3;
/** How far an attempt has come. */
type Progress = 'working' | 'committing';

type Work<T> = (tx: EntityManager) => Promise<T>;

/** Runs changes in transactions, and what has to wait for their commit after it. */
@Injectable()
export class Transactions {
  constructor(
    private readonly dataSource: DataSource,
    private readonly logger: Logger,
    private readonly metrics?: DatabaseMetrics,
  ) {}

  /**
   * Runs `work` in one transaction and commits when it resolves; rolls back and rethrows when it rejects.
   * Statements belong to the transaction only when they are issued through `tx`.
   *
   * Within the `work` of another one it becomes a part of that (a savepoint): it is rolled back alone when it rejects, and
   * committed with the whole. Only the outermost is ever repeated. Those within it have to end before it: one that is still
   * open when `work` resolves was not awaited, and is no part of anything that could be committed.
   * @throws Error when one within it was not awaited; everything is rolled back then
   * @throws {Aborted} when it conflicts with other transactions more often than it may be repeated
   * @throws {Unavailable} COMMIT_OUTCOME_UNKNOWN when the connection breaks while it is committed
   */
  async run<T>(work: Work<T>, options: TransactionOptions = {}): Promise<T> {
    const outer = openTransaction(this.dataSource);
    if (outer) return takeTurn(outer, work, options);
    const { value, hooks } = await mayWrite(() => this.repeat(work, options));
    for (const hook of hooks) {
      try {
        await unbounded(hook);
      } catch (error) {
        // The change is committed: nothing after it may make the caller believe that it is not.
        this.logger.error({ error }, 'a hook after the commit failed');
      }
    }
    return value;
  }

  /**
   * Runs `work`, which only reads, on one connection to a replica, to the primary where there is none; within a
   * transaction on that. It is not a transaction: statements see what is committed when each begins.
   */
  async read<T>(work: (db: EntityManager) => Promise<T>): Promise<T> {
    const outer = openTransaction(this.dataSource);
    if (outer) return work(outer.runner.manager);
    return readOnly(async () => {
      const runner = this.dataSource.createQueryRunner();
      try {
        return await work(runner.manager);
      } finally {
        await runner.release();
      }
    });
  }

  /**
   * Has `hook` run once `tx` is committed, and not at all when it, or the savepoint it is in, is rolled back. Its failure
   * is logged.
   * @throws Error when `tx` is of no `run` that is under way: nobody would run the hook
   */
  afterCommit(tx: EntityManager, hook: CommitHook): void {
    if (this.tryAfterCommit(tx, hook)) return;
    throw new Error('a hook after the commit needs the tx of a Transactions.run() that has not ended');
  }

  /** As `afterCommit`, for who has another way. @returns false, and the hook will not run, where that throws */
  tryAfterCommit(tx: EntityManager, hook: CommitHook): boolean {
    const hooks = (tx.queryRunner as ServiceQueryRunner | undefined)?.hooks;
    hooks?.add(hook);
    return hooks !== undefined;
  }

  /**
   * Runs `statement` in the transaction `tx` with its next one, or with its end, in one round trip: that is what fails
   * when it does. For changes whose result nobody needs; a string, a Buffer or null for each `$n`.
   */
  async runWithNext(
    tx: EntityManager,
    statement: Statement,
    values: readonly (string | Buffer | null)[],
  ): Promise<void> {
    const { queryRunner: runner } = tx;
    if (runner instanceof ServiceQueryRunner) return runner.runWithNext({ ...statement, values });
    await tx.query(statement.text, values as unknown[]);
  }

  private async repeat<T>(work: Work<T>, { isolation, retries }: TransactionOptions) {
    const strict = isolation !== undefined && isolation !== 'READ COMMITTED';
    const most = retries ?? (strict ? CONFLICT_RETRIES : 0);
    for (let attempt = 0; ; attempt += 1) {
      let progress: Progress = 'working';
      try {
        return await this.once(work, isolation, () => (progress = 'committing'));
      } catch (error) {
        const reason = mayRepeat(error, progress);
        if (!reason || attempt >= most || !(await backOff(attempt))) throw told(error, progress);
        this.metrics?.repeated('transaction', reason);
      }
    }
  }

  private async once<T>(work: Work<T>, isolation: IsolationLevel | undefined, onCommit: () => void) {
    const runner = this.dataSource.createQueryRunner() as ServiceQueryRunner;
    try {
      await runner.startTransaction(isolation);
      const startedAt = performance.now();
      const hooks = (runner.hooks = new CommitHooks());
      const call = callContext();
      const open = begun({ runner, isolation, call, outer: undefined });
      try {
        // Work that does not notice the end of its call must not keep the connection. What it still sends is refused.
        const value = await orAborted(
          runWithin(open, () => work(runner.manager)),
          call?.signal,
        );
        open.open = false;
        if (leftOpen(open, 1)) throw notAwaited();
        onCommit();
        await runner.commitTransaction();
        this.metrics?.ended('committed', performance.now() - startedAt);
        return { value, hooks: hooks.all() };
      } catch (error) {
        open.open = false;
        open.undone = true;
        await runner.rollbackWhole().catch(() => undefined);
        this.metrics?.ended('rolled_back', performance.now() - startedAt);
        throw error;
      }
    } catch (error) {
      const why = runner.explain(error);
      throw why === error ? error : (mapDatabaseError(why) ?? why);
    } finally {
      runner.hooks = undefined;
      await runner.release();
    }
  }
}

/** A broken connection tells nothing of a COMMIT that was sent on it. */
function mayRepeat(error: unknown, progress: Progress): 'conflict' | 'broken' | undefined {
  const reason = whyRepeat(error);
  return reason === 'broken' && progress === 'committing' ? undefined : reason;
}

function told(error: unknown, progress: Progress): unknown {
  if (progress === 'committing' && wasNotAnswered(error)) {
    const message = 'the connection broke while the change was being committed; whether it was is not known';
    return new Unavailable(message, { reason: 'COMMIT_OUTCOME_UNKNOWN', cause: error });
  }
  return isReleased(error) || whyRepeat(error) ? (mapDatabaseError(error) ?? error) : error;
}

/** Whether it was sent and the server, which has many ways to go away, has not said what became of it. */
function wasNotAnswered(error: unknown): boolean {
  if (!(error instanceof Unavailable)) return false;
  const driverError: unknown = error.cause instanceof QueryFailedError ? error.cause.driverError : error.cause;
  const { code = '' } = (driverError ?? {}) as { code?: string };
  // Any SQLSTATE is an answer, except those of a connection that ends (08) or a server that goes away (57P).
  return driverError instanceof Error && (!/^\d/.test(code) || /^(08|57P)/.test(code));
}

function takeTurn<T>(outer: OpenTransaction, work: Work<T>, { isolation }: TransactionOptions): Promise<T> {
  if (isolation && isolation !== outer.isolation) {
    throw new Error(`a transaction within another one cannot be ${isolation}: ask for it where the outer one begins`);
  }
  outer.nested += 1;
  const turn = outer.last.then(() => savepoint(outer, work)).finally(() => (outer.nested -= 1));
  outer.last = turn.catch(() => undefined);
  return turn;
}

async function savepoint<T>(outer: OpenTransaction, work: Work<T>): Promise<T> {
  const { runner, isolation, call } = outer;
  if (!outer.open) throw new Error('the transaction that this one is a part of has ended; was it not awaited?');
  await runner.startTransaction();
  const { depth } = runner;
  const inner = begun({ runner, isolation, call, outer });
  try {
    const value = await runWithin(inner, () => work(runner.manager));
    inner.open = false;
    if (leftOpen(inner, depth)) throw notAwaited();
    await runner.commitTransaction();
    return value;
  } catch (error) {
    inner.open = false;
    inner.undone = true;
    // What those within it still send would become a part of the outer one behind the rollback.
    await inner.last;
    // One that TypeORM began cannot be waited for. The depth stays, and keeps the outermost from being committed.
    if (runner.depth === depth) await runner.rollbackTransaction().catch(() => undefined);
    throw error;
  }
}

function begun(transaction: Pick<OpenTransaction, 'runner' | 'isolation' | 'call' | 'outer'>): OpenTransaction {
  return { ...transaction, open: true, undone: false, nested: 0, last: Promise.resolve() };
}

/** @param depth the transaction's own. Without its connection everything is left open, and what is sent next says so. */
function leftOpen({ runner, nested }: OpenTransaction, depth: number): boolean {
  return !runner.isReleased && (nested > 0 || runner.depth > depth);
}

function notAwaited(): Error {
  return new Error('a transaction within this one was still open at its end, so both are undone; was it not awaited?');
}

/** The change is made, so what follows from it is owed to everyone: it goes on when the caller has left meanwhile. */
function unbounded(hook: CommitHook): unknown {
  const context = callContext();
  if (!context) return hook();
  return runWithContext(contextLike(context, { deadline: undefined, signal: new AbortController().signal }), hook);
}
