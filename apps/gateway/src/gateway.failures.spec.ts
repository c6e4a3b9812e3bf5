import {
  AlreadyExists,
  FailedPrecondition,
  InvalidArgument,
  NotFound,
  ResourceExhausted,
  Unavailable,
} from '@rookery/errors';
import { DependencyRegistry } from '@rookery/observability';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { problemOf } from './gateway.fixture.js';
import { type UsersGateway, startUsersGateway } from './users-gateway.fixture.js';

let gateway: UsersGateway;
beforeAll(async () => (gateway = await startUsersGateway()));
afterEach(() => gateway.reset());
afterAll(() => gateway.close());

describe('the gateway, when a call fails,', () => {
  it.each([
    [
      new NotFound('no user 7', { reason: 'USER_NOT_FOUND', metadata: { id: '7' } }),
      { status: 404, reason: 'USER_NOT_FOUND', metadata: { id: '7' } },
    ],
    [new AlreadyExists('taken'), { status: 409, reason: 'ALREADY_EXISTS' }],
    [
      new FailedPrecondition('no', { violations: [{ type: 'STATE', subject: 'users/7', description: 'locked' }] }),
      { status: 400, violations: [{ type: 'STATE', subject: 'users/7', description: 'locked' }] },
    ],
    [
      new InvalidArgument('wrong', { violations: [{ field: 'page_size', description: 'too large' }] }),
      { status: 400, violations: [{ field: 'pageSize', description: 'too large' }] },
    ],
    [new Unavailable('the database is away', { reason: 'DATABASE' }), { status: 503, reason: 'DATABASE' }],
  ])('gives %s of the service on', async (error, expected) => {
    gateway.getUser = () => Promise.reject(error);
    const common = { detail: error.message, domain: 'fake-service', instance: '/v1/users/7' };
    expect(await problemOf(await gateway.get('/v1/users/7'))).toMatchObject({ ...common, ...expected });
  });

  it('says when to try again', async () => {
    gateway.getUser = () => Promise.reject(new ResourceExhausted('slow down', { retryAfter: 1200 }));
    const response = await gateway.get('/v1/users/7');
    expect(response.headers.get('retry-after')).toBe('2');
    expect(await problemOf(response)).toMatchObject({ status: 429, retryAfter: 1200 });
  });

  it('hides what a service did not mean to say', async () => {
    gateway.getUser = () => Promise.reject(new Error('password=hunter2'));
    expect(await problemOf(await gateway.get('/v1/users/7'))).toMatchObject({ status: 500, detail: 'internal error' });
  });

  // Not the last: fetch opens another connection in place of the one that was left, and one that nobody uses holds up
  // the gateway's stop.
  it('cancels the RPC when the client leaves', async () => {
    const cancelled = new Promise<void>((resolve) => {
      gateway.getUser = (call) => {
        (call as unknown as { once(event: string, listener: () => void): void }).once('cancelled', resolve);
        leave.abort();
        return new Promise(() => {});
      };
    });
    const leave = new AbortController();
    await expect(gateway.get('/v1/users/1', { signal: leave.signal })).rejects.toThrow('abort');
    await cancelled;
  });

  it('names a service that is down, quickly, and no address', async () => {
    const start = performance.now();
    expect(await problemOf(await gateway.get('/v1/orders/1'))).toMatchObject({
      status: 503,
      code: 'UNAVAILABLE',
      detail: 'order-service cannot be reached right now; try again.',
    });
    expect(await problemOf(await gateway.get('/v1/orders/1:watch'))).toMatchObject({ status: 503 });
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it('tells the probes which service is down', async () => {
    const states = Object.fromEntries(
      await Promise.all(
        gateway.app
          .get(DependencyRegistry)
          .all()
          .map(async ({ name, critical, check }) => [name, { critical, up: (await check()).up }] as const),
      ),
    );
    expect(states).toEqual({
      'user-service': { critical: false, up: true },
      'order-service': { critical: false, up: false },
      'notification-service': { critical: false, up: false },
    });
  });
});
