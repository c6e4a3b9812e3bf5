import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rest } from '../e2e/rest-client.js';
import { ChaosPlatform } from './chaos-platform.js';
import { ITEM } from './order-item.js';
import { Traffic } from './traffic.js';

/** Servers go away under load and come back; what the platform promises for each of them. */
let chaos: ChaosPlatform;
let user: string;

const ready = (name: 'user-service' | 'order-service') =>
  rest<{ status: string; details: Record<string, { status: string }> }>(`${chaos.platform.probes[name]}/health/ready`);
const notifiedOf = async (id: string) => {
  const { body } = await rest<{ notifications: { resourceId: string }[] }>(
    `${chaos.api}/users/${id}/notifications?pageSize=1000`,
  );
  return body.notifications.map(({ resourceId }) => resourceId);
};

beforeAll(async () => {
  chaos = await ChaosPlatform.start();
  user = await chaos.newUser();
});
afterAll(() => chaos?.stop());

describe('Redis', () => {
  it('stops under traffic: no call fails, readiness says degraded; it comes back by itself', async () => {
    const traffic = new Traffic(async () => (await rest(`${chaos.api}/users/${user}`)).status);
    await expect.poll(() => traffic.total).toBeGreaterThan(100);
    await chaos.servers.redis.kill();
    await expect
      .poll(async () => (await ready('user-service')).body, { timeout: 5_000 })
      .toMatchObject({
        status: 'degraded',
        details: { cache: { status: 'degraded' }, database: { status: 'up' } },
      });
    expect((await ready('user-service')).status).toBe(200);
    const before = traffic.total;
    await expect.poll(() => traffic.total).toBeGreaterThan(before + 100);
    await chaos.servers.redis.start();
    await expect.poll(async () => (await ready('user-service')).body.status, { timeout: 10_000 }).toBe('ok');
    await traffic.stop();
    expect([...traffic.statuses.keys()]).toEqual([200]);
  });
});

describe('PostgreSQL', () => {
  it('stops under traffic: errors are UNAVAILABLE in time, readiness is 503 within 2 s; it recovers by itself', async () => {
    const slow: number[] = [];
    const traffic = new Traffic(async () => {
      const startedAt = performance.now();
      const { status } = await rest(`${chaos.api}/orders?userId=${user}`);
      slow.push(performance.now() - startedAt);
      return status;
    });
    await expect.poll(() => traffic.total).toBeGreaterThan(50);
    await chaos.servers.postgres.stop();
    const stoppedAt = Date.now();
    await expect.poll(async () => (await ready('order-service')).status, { timeout: 2_000 }).toBe(503);
    expect(Date.now() - stoppedAt).toBeLessThan(2_000);
    expect(await ready('order-service')).toMatchObject({
      body: { status: 'error', details: { database: { status: 'down' } } },
    });
    expect(await rest(`${chaos.api}/orders?userId=${user}`)).toMatchObject({
      status: 503,
      body: { code: 'UNAVAILABLE' },
    });
    await chaos.servers.postgres.start();
    await expect.poll(async () => (await ready('order-service')).status, { timeout: 15_000 }).toBe(200);
    await expect.poll(async () => (await rest(`${chaos.api}/orders?userId=${user}`)).status).toBe(200);
    await traffic.stop();
    expect([...traffic.statuses.keys()].toSorted()).toEqual([200, 503]);
    expect(Math.max(...slow)).toBeLessThan(5_000);
  });
});

describe('NATS', () => {
  it('stops: orders are accepted all the same, and their notifications arrive when it is back', async () => {
    await chaos.servers.nats.stop();
    await expect
      .poll(async () => (await ready('order-service')).body, { timeout: 10_000 })
      .toMatchObject({
        status: 'degraded',
        details: { events: { status: 'degraded' } },
      });
    const orders = await Promise.all(
      Array.from({ length: 10 }, () => chaos.post<{ id: string }>('/orders', { userId: user, items: [ITEM] })),
    );
    expect(orders.map(({ status }) => status)).toEqual(orders.map(() => 201));
    await chaos.servers.nats.start();
    const ids = orders.map(({ body }) => body.id);
    await expect.poll(() => notifiedOf(user), { timeout: 20_000 }).toEqual(expect.arrayContaining(ids));
  });
});

describe('user-service', () => {
  it('is down: an order is refused as UNAVAILABLE in time, and nothing of it is stored', async () => {
    const process = chaos.platform.processes.get('user-service')!;
    const count = async () =>
      (await rest<{ orders: object[] }>(`${chaos.api}/orders?userId=${user}&pageSize=1000`)).body.orders.length;
    const before = await count();
    await process.kill();
    const startedAt = Date.now();
    expect(await chaos.post('/orders', { userId: user, items: [ITEM] })).toMatchObject({
      status: 503,
      body: { code: 'UNAVAILABLE' },
    });
    expect(Date.now() - startedAt).toBeLessThan(10_000);
    expect(await count()).toBe(before);
  });
});
