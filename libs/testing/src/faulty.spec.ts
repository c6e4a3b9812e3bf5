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
