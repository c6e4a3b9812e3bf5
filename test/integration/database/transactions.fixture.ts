import type { EntityManager } from 'typeorm';
import { openObservedApp } from './observed-app.fixture.js';

/** An application with the accounts `a` and `b`, where the server ends transactions that are idle for 100 ms. */
export type TransactionsApp = Awaited<ReturnType<typeof openTransactionsApp>>;

export async function openTransactionsApp() {
  const app = await openObservedApp(
    {
      DATABASE_POOL_MAX: '4',
      DATABASE_STATEMENT_TIMEOUT: '10s',
      DATABASE_IDLE_IN_TRANSACTION_TIMEOUT: '100ms',
    },
    'CREATE TABLE accounts (name text PRIMARY KEY, balance int NOT NULL);',
  );
  return {
    ...app,
    /** No row, and 100 on each account. */
    reset: async () => {
      await app.observer.query(
        `DELETE FROM rows; DELETE FROM accounts; INSERT INTO accounts VALUES ('a', 100), ('b', 100)`,
      );
    },
  };
}

/** Adds a row in the transaction. */
export function add(tx: EntityManager, name: string): Promise<unknown> {
  return tx.query('INSERT INTO rows VALUES ($1)', [name]);
}
