import { Injectable } from '@nestjs/common';
import { callContext, contextLike, runWithContext } from '@rookery/context';
import { Logger } from '@rookery/observability';
import { DataSource, type EntityManager } from 'typeorm';
import { isReleased, mapDatabaseError } from './database-errors.js';

type Hook = () => unknown;

/** Runs changes in transactions, and what has to wait for their commit after it. */
@Injectable()
export class Transactions {
  private readonly hooks = new WeakMap<EntityManager, Hook[]>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly logger: Logger,
  ) {}

  /**
   * Runs `work` in one transaction and commits when it resolves; rolls back and rethrows when it rejects.
   * Statements belong to the transaction only when they are issued through `tx`.
   */
  async run<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    let hooks: Hook[] = [];
    const result = await this.dataSource
      .transaction(async (tx) => {
        const value = await work(tx);
        hooks = this.hooks.get(tx) ?? [];
        return value;
      })
      .catch((error: unknown) => {
        throw isReleased(error) ? mapDatabaseError(error) : error;
      });
    for (const hook of hooks) {
      try {
        await unbounded(hook);
      } catch (error) {
        // The change is committed: nothing after it may make the caller believe that it is not.
        this.logger.error({ error }, 'a hook after the commit failed');
      }
    }
    return result;
  }

  /** Has `hook` run once `tx` is committed, and not at all when it is rolled back. Its failure is logged. */
  afterCommit(tx: EntityManager, hook: Hook): void {
    const hooks = this.hooks.get(tx);
    if (hooks) hooks.push(hook);
    else this.hooks.set(tx, [hook]);
  }
}

/** The change is made, so what follows from it is owed to everyone: it goes on when the caller has left meanwhile. */
function unbounded(hook: Hook): unknown {
  const context = callContext();
  if (!context) return hook();
  return runWithContext(contextLike(context, { deadline: undefined, signal: new AbortController().signal }), hook);
}
