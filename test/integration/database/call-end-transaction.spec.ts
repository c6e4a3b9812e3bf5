import { getEventListeners } from 'node:events';
import { runWithContext } from '@rookery/context';
import { DeadlineExceeded } from '@rookery/errors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CallEndApp, openCallEndApp } from './call-end.fixture.js';
import { callOf, timed } from './database-app.fixture.js';

let app: CallEndApp;
beforeAll(async () => (app = await openCallEndApp()));
afterAll(() => app.close());

describe('a transaction', () => {
  const timeout = async (tx: { query(sql: string): Promise<unknown> }) => {
    const [{ statement_timeout: text }] = (await tx.query('SHOW statement_timeout')) as [{ statement_timeout: string }];
    return text.endsWith('ms') ? Number.parseInt(text, 10) : Number.parseInt(text, 10) * 1000;
  };
  const within = (call: ReturnType<typeof callOf>, isolation: 'SERIALIZABLE' | 'READ COMMITTED') =>
    call.run(() => app.dataSource.transaction(isolation, timeout));

  it('lets the server end its statements at the deadline, and nobody else’s', async () => {
    for (const isolation of ['READ COMMITTED', 'SERIALIZABLE'] as const) {
      const bounded = await within(callOf({ timeout: 4_000 }), isolation);
      expect(bounded).toBeGreaterThan(3_000);
      expect(bounded).toBeLessThanOrEqual(4_000);
    }
    const users = await Promise.all([1, 2, 3, 4, 5, 6].map(() => timeout(app.dataSource)));
    expect(new Set(users)).toEqual(new Set([10_000]));
  });

  it('never gets more than the configuration allows, nor less without a deadline', async () => {
    expect(await within(callOf({ timeout: 60_000 }), 'SERIALIZABLE')).toBe(10_000);
    expect(await within(callOf(), 'SERIALIZABLE')).toBe(10_000);
  });

  it('is ended by the server when nobody is there to cancel it', async () => {
    const unheard = { requestId: 'r-1', deadline: Date.now() + 200, signal: new AbortController().signal };
    const { ms, error } = await timed(
      runWithContext(unheard, () => app.transactions.run((tx) => tx.query('SELECT pg_sleep(5)'))),
    );
    expect(error).toBeInstanceOf(DeadlineExceeded);
    expect(ms).toBeLessThan(400);
  });

  it('listens to its call as often, however many statements it has', async () => {
    const one = callOf({ timeout: 30_000 });
    let most = 0;
    await one.run(() =>
      app.transactions.run(async (tx) => {
        for (let index = 0; index < 1_000; index += 1) {
          await tx.query('SELECT 1');
          most = Math.max(most, getEventListeners(one.signal, 'abort').length);
        }
      }),
    );
    // The transaction and its connection.
    expect(most).toBe(2);
    expect(getEventListeners(one.signal, 'abort')).toHaveLength(0);
  });
});
