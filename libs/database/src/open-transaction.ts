import { AsyncLocalStorage } from 'node:async_hooks';
import { type CallContext, callContext } from '@rookery/context';
import type { DataSource } from 'typeorm';
import type { ServiceQueryRunner } from './service-query-runner.js';
import type { IsolationLevel } from './transactions.js';

/** The transaction that the current code is part of. */
export interface OpenTransaction {
  readonly runner: ServiceQueryRunner;
  readonly isolation: IsolationLevel | undefined;
  /** The call that it was begun for. A load of the cache, which serves others too, is a call of its own. */
  readonly call: CallContext | undefined;
  /** The one that it is a part of. */
  readonly outer: OpenTransaction | undefined;
  open: boolean;
  /** Whether it was rolled back: what is still under way within it must not be committed by itself. */
  undone: boolean;
  /** How many nested transactions were asked for that have not ended. */
  nested: number;
  /** The end of the nested transaction that was asked for last: there is one connection, so they take turns. */
  last: Promise<unknown>;
}

const storage = new AsyncLocalStorage<OpenTransaction>();

/**
 * The innermost transaction of this call (of `dataSource`, when given) that has not ended.
 * @throws Error when it was rolled back, or one that it is a part of
 */
export function openTransaction(dataSource?: DataSource): OpenTransaction | undefined {
  const found = storage.getStore();
  if (!found || found.call !== callContext()) return undefined;
  if (dataSource && found.runner.dataSource !== dataSource) return undefined;
  for (let one: OpenTransaction | undefined = found; one; one = one.outer) {
    if (one.undone) throw new Error('the transaction that this is a part of was rolled back; was it not awaited?');
  }
  let innermost: OpenTransaction | undefined = found;
  while (innermost && !innermost.open) innermost = innermost.outer;
  return innermost;
}

/** Runs `work` as part of `transaction`. */
export function runWithin<T>(transaction: OpenTransaction, work: () => T): T {
  return storage.run(transaction, work);
}
