import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CallEndApp, GONE, openCallEndApp } from './call-end.fixture.js';
import { callOf, timed } from './database-app.fixture.js';
import { SLOW_COMMIT } from './observed-app.fixture.js';

let app: CallEndApp;
beforeAll(async () => (app = await openCallEndApp()));
afterAll(() => app.close());

const ways = [
  { way: 'its deadline passes', call: () => callOf({ timeout: 200 }), end: () => {}, why: 'late' as const },
  {
    way: 'its caller cancels',
    call: () => callOf(),
    end: ({ cancel }: { cancel(): void }) => cancel(),
    why: 'left' as const,
  },
];

describe.each(ways)('when $way, a call', ({ call, end, why }) => {
  it('ends its statement, here at once and on the server soon after', async () => {
    const one = call();
    const asleep = timed(one.run(() => app.dataSource.query('SELECT pg_sleep(5)')));
    await expect.poll(app.running, GONE).toEqual(['SELECT pg_sleep(5)']);
    end(one);
    const { ms, error } = await asleep;
    expect(error).toBe(one[why]);
    expect(ms).toBeLessThan(300);
    await expect.poll(app.running, GONE).toEqual([]);
    await app.free();
  });

  it('undoes what its transaction has written, and lets go of its locks', async () => {
    const one = call();
    const writing = timed(
      one.run(() =>
        app.transactions.run(async (tx) => {
          await tx.query(`INSERT INTO rows VALUES ('half a change')`);
          await tx.query(`UPDATE rows SET name = name WHERE name = 'locked'`);
          await tx.query('SELECT pg_sleep(5)');
        }),
      ),
    );
    await expect.poll(app.running, GONE).toEqual(['SELECT pg_sleep(5)']);
    end(one);
    const { ms, error } = await writing;
    // At the deadline the server may be the first to notice.
    expect(error).toBeInstanceOf(one[why].constructor);
    expect(ms).toBeLessThan(300);
    await app.observer.query(`BEGIN; SET LOCAL lock_timeout = 300; UPDATE rows SET name = name; COMMIT`);
    expect(await app.has('half a change')).toBe(false);
    await expect.poll(app.running, GONE).toEqual([]);
    await app.free();
  });

  it('undoes its transaction although it is busy with something else', async () => {
    const one = call();
    let goOn = () => {};
    const elsewhere = new Promise<void>((resolve) => (goOn = resolve));
    let wrote = false;
    let lateWrite: Promise<unknown> | undefined;
    const writing = timed(
      one.run(() =>
        app.transactions.run(async (tx) => {
          await tx.query(`UPDATE rows SET name = name WHERE name = 'locked'`);
          wrote = true;
          lateWrite = elsewhere.then(() => tx.query(`INSERT INTO rows VALUES ('too late')`));
          await lateWrite;
        }),
      ),
    );
    await expect.poll(() => wrote, GONE).toBe(true);
    end(one);
    await expect.poll(app.running, { timeout: 500, interval: 10 }).toEqual([]);
    // Although the work has not noticed, and perhaps never would.
    expect((await writing).error).toBe(one[why]);
    await app.free();
    goOn();
    await expect(lateWrite).rejects.toThrow();
    expect(await app.has('too late')).toBe(false);
    await app.free();
  });

  it('stops waiting for a connection', async () => {
    const hold = callOf();
    const held = [1, 2, 3].map(() => hold.run(() => app.dataSource.query('SELECT pg_sleep(5)')));
    await expect.poll(app.running, GONE).toHaveLength(3);
    const one = call();
    const waiting = timed(one.run(() => app.dataSource.query('SELECT 1')));
    await expect.poll(app.pool).toMatchObject({ busy: 3, waiting: 1 });
    end(one);
    const { ms, error } = await waiting;
    expect(error).toBe(one[why]);
    expect(ms).toBeLessThan(300);
    hold.cancel();
    await Promise.all(held.map((query) => expect(query).rejects.toBe(hold.left)));
    await app.free();
  });
});

describe('a call that has ended', () => {
  it('reaches the server no more, neither in its transaction nor with anything new', async () => {
    const one = callOf();
    const touch = `SELECT nextval('reached')`;
    await one.run(async () => {
      const inside = app.transactions.run(async (tx) => {
        await tx.query(touch);
        one.cancel();
        await expect(tx.query(touch)).rejects.toBe(one.left);
        // Returning leads to a COMMIT, which is refused like anything else.
      });
      await expect(inside).rejects.toBe(one.left);
      await expect(app.dataSource.query(touch)).rejects.toBe(one.left);
      await expect(app.transactions.run((tx) => tx.query(touch))).rejects.toBe(one.left);
    });
    expect(await app.reached()).toBe(1);
    await app.free();
  });

  it('gives its connection back as good as new, out of a nested transaction too', async () => {
    const backend = async () => (await app.dataSource.query('SELECT pg_backend_pid() AS pid'))[0].pid as number;
    const before = new Set([await backend(), await backend()]);
    const one = callOf();
    const nested = one.run(() =>
      app.transactions.run(async (tx) => {
        await tx.query(`INSERT INTO rows VALUES ('outer')`);
        await tx.transaction(async (inner) => {
          await inner.query(`INSERT INTO rows VALUES ('inner')`);
          await inner.query('SELECT pg_sleep(5)');
        });
      }),
    );
    await expect.poll(app.running, GONE).toEqual(['SELECT pg_sleep(5)']);
    one.cancel();
    await expect(nested).rejects.toBe(one.left);
    await app.free();
    expect([await app.has('outer'), await app.has('inner')]).toEqual([false, false]);
    expect(before).toContain(await backend());
  });

  it('is told that its change was made when COMMIT was on its way, and what follows from it is done', async () => {
    await app.observer.query('SELECT pg_advisory_lock($1)', [SLOW_COMMIT]);
    const one = callOf();
    const hooks: unknown[] = [];
    const change = one.run(() =>
      app.transactions.run(async (tx) => {
        app.transactions.afterCommit(tx, async () => hooks.push(await app.dataSource.query('SELECT 1 AS one')));
        await tx.query(`INSERT INTO rows VALUES ('slow')`);
      }),
    );
    await expect.poll(app.running, GONE).toEqual(['COMMIT']);
    one.cancel();
    await app.observer.query('SELECT pg_advisory_unlock($1)', [SLOW_COMMIT]);
    await change;
    expect(await app.has('slow')).toBe(true);
    expect(hooks).toEqual([[{ one: 1 }]]);
    await app.free();
  });
});
