import { type TestDatabase, createTestDatabase } from '@rookery/testing';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { openDatabaseApp } from './database-app.fixture.js';

let database: TestDatabase;
let app: Awaited<ReturnType<typeof openDatabaseApp>>;
beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  app = await openDatabaseApp(database.url);
});
afterAll(async () => {
  await app.close();
  await database.drop();
});

const channels = () => app.control.query('SELECT pg_listening_channels() AS channel');

it('those who watch a channel share one LISTEN, which ends with the last of them', async () => {
  const query = vi.spyOn(app.control, 'query');
  const statements = () => query.mock.calls.map(([text]) => text);
  const abort = new AbortController();
  const watchers = Array.from({ length: 20 }, () => app.changes.watch('things', 'one', abort.signal));
  await Promise.all(watchers.map((watcher) => watcher.next()));
  const late = app.changes.watch('things', 'one');
  await late.next();
  expect(statements()).toEqual(['LISTEN "things"']);

  const told = Promise.all([...watchers, late].map((watcher) => watcher.next()));
  await app.transactions.run((tx) => app.changes.announce(tx, 'things', 'one'));
  expect((await told).every(({ done }) => !done)).toBe(true);

  abort.abort();
  await Promise.all(watchers.map((watcher) => watcher.next()));
  expect(await channels()).toEqual([{ channel: 'things' }]);
  await late.return(undefined);
  expect(await channels()).toEqual([]);
  query.mockRestore();
});

it('a channel that everybody left is listened to again for who comes next', async () => {
  for (let round = 0; round < 2; round += 1) {
    const watcher = app.changes.watch('things', 'one');
    await watcher.next();
    const told = watcher.next();
    await app.transactions.run((tx) => app.changes.announce(tx, 'things', 'one'));
    expect(await told).toMatchObject({ done: false });
    // Who comes at the moment the last one leaves is not cut off by its UNLISTEN.
    const left = watcher.return(undefined);
    const next = app.changes.watch('things', 'one');
    await Promise.all([left, next.next()]);
    expect(await channels()).toEqual([{ channel: 'things' }]);
    await next.return(undefined);
  }
});

it('those who share a LISTEN that fails all fail, and the next one asks again', async () => {
  const [session] = await app.control.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const query = vi.spyOn(app.control, 'query').mockRejectedValueOnce(new Error('no'));
  const failed = await Promise.allSettled([1, 2].map(() => app.control.listen('things', () => undefined)));
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  (await app.control.listen('things', () => undefined))();
  query.mockRestore();
  expect(await app.control.query('SELECT pg_backend_pid() AS pid')).toEqual([session]);
  expect(await channels()).toEqual([]);
});
