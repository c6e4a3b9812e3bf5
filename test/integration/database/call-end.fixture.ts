import { expect } from 'vitest';
import { openObservedApp } from './observed-app.fixture.js';

/** Milliseconds in which the server has to be rid of work that nobody waits for. */
export const GONE = { timeout: 300, interval: 10 };

/** An application whose calls end while the database works for them, with a pool of three. */
export type CallEndApp = Awaited<ReturnType<typeof openCallEndApp>>;

export async function openCallEndApp() {
  const app = await openObservedApp(
    { DATABASE_POOL_MAX: '3', DATABASE_STATEMENT_TIMEOUT: '10s' },
    `CREATE SEQUENCE reached; INSERT INTO rows VALUES ('locked');`,
  );
  return {
    ...app,
    has: async (name: string) => (await app.names()).includes(name),
    /** The statements that the pool is running, or holds a transaction open after. */
    running: async () => {
      const { rows } = await app.observer.query<{ query: string }>(
        `SELECT query FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'test' AND state <> 'idle'`,
      );
      return rows.map(({ query }) => query);
    },
    /** How many numbers the statements that reached the server have drawn from the sequence `reached`. */
    reached: async () => {
      const { rows } = await app.observer.query<{ n: number }>(
        'SELECT CASE WHEN is_called THEN last_value ELSE 0 END::int AS n FROM reached',
      );
      return rows[0]!.n;
    },
    /** Waits until the pool has its connections back. */
    free: async () => {
      await expect.poll(app.pool, GONE).toMatchObject({ busy: 0, waiting: 0 });
    },
  };
}
