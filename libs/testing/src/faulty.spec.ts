import { runWithContext } from '@rookery/context';
import { UserServiceDefinition } from '@rookery/contracts/user/v1';
import { Cancelled, DeadlineExceeded, Unavailable } from '@rookery/errors';
import { expect, it } from 'vitest';
import { fakeClient } from './fake-client.js';
import { faulty } from './faulty.js';

const users = fakeClient(UserServiceDefinition, {
  getUser: ({ id }) => ({ id }),
  listUsers: () => ({}),
  streamUsers: () => [{ id: 'a' }],
});
const down = new Unavailable('down');

async function ids(stream: AsyncIterable<{ id: string }>): Promise<string[]> {
  const all = [];
  for await (const { id } of stream) all.push(id);
  return all;
}

it('fails the calls of the named methods only', async () => {
  const client = faulty(users, { getUser: down, streamUsers: { error: down } });
  await expect(client.getUser({ id: 'u' })).rejects.toBe(down);
  await expect(ids(client.streamUsers({}))).rejects.toBe(down);
  expect(await client.listUsers({})).toEqual({ users: [], nextPageToken: '' });
});

it('gets well after so many calls', async () => {
  const client = faulty(users, { getUser: { error: down, times: 2 }, streamUsers: { error: down, times: 1 } });
  await expect(client.getUser({ id: 'u' })).rejects.toBe(down);
  await expect(client.getUser({ id: 'u' })).rejects.toBe(down);
  expect((await client.getUser({ id: 'u' })).id).toBe('u');
  await expect(ids(client.streamUsers({}))).rejects.toBe(down);
  expect(await ids(client.streamUsers({}))).toEqual(['a']);
});

it('delays, but not beyond the timeout or the signal of the call', async () => {
  const client = faulty(users, { getUser: { delay: '20ms' }, listUsers: { delay: '1h' } });
  const startedAt = performance.now();
  expect((await client.getUser({ id: 'u' })).id).toBe('u');
  // A timer of Node.js may be a millisecond early.
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(19);
  await expect(client.listUsers({}, { timeout: '5ms' })).rejects.toThrow(DeadlineExceeded);
  await expect(client.listUsers({}, { signal: AbortSignal.abort() })).rejects.toThrow(Cancelled);
});

it('delays no longer than the call being served has time, and fails as it ends', async () => {
  const { getUser } = faulty(users, { getUser: { delay: '1h' } });
  const ending = new AbortController();
  const context = { requestId: 'r-1', signal: ending.signal };
  await expect(runWithContext({ ...context, deadline: Date.now() + 5 }, () => getUser({}))).rejects.toThrow(
    DeadlineExceeded,
  );
  const call = runWithContext(context, () => getUser({}));
  ending.abort(down);
  await expect(call).rejects.toBe(down);
});

it('delays for ever, until it is cancelled', async () => {
  let answered = 0;
  const counting = fakeClient(UserServiceDefinition, {
    getUser: () => {
      answered += 1;
      return {};
    },
  });
  const { getUser } = faulty(counting, { getUser: { delay: Number.POSITIVE_INFINITY } });
  const leaving = new AbortController();
  const call = getUser({}, { signal: leaving.signal });
  // A call after it that takes longer than the shortest timer.
  await expect(getUser({}, { timeout: '20ms' })).rejects.toThrow(DeadlineExceeded);
  expect(answered).toBe(0);
  leaving.abort();
  await expect(call).rejects.toThrow(Cancelled);
});

it('may be put on what is faulty already, whatever the kind of the method', async () => {
  const delay = { delay: '1ms' };
  const client = faulty(faulty(users, { streamUsers: delay, getUser: delay }), { streamUsers: delay, getUser: delay });
  expect(await ids(client.streamUsers({}))).toEqual(['a']);
  expect((await client.getUser({ id: 'u' })).id).toBe('u');
});
