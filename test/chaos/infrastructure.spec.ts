import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Servers, startServers } from '../../tools/infra/index.js';
import { rest } from '../e2e/rest-client.js';
import { type RunningPlatform, startDistributed } from '../e2e/topologies.js';
import { Traffic } from './traffic.js';

/** Servers go away under load and come back; what the platform promises for each of them. */
let dir: string;
let servers: Servers;
let platform: RunningPlatform;
let api: string;
let user: { id: string };

const item = { sku: 'book', quantity: 1, unitPrice: { currencyCode: 'EUR', units: '1', nanos: 0 } };
const newUser = () => ({ email: `${randomUUID()}@example.com`, name: 'Ada' });
const post = <T>(path: string, body: unknown) => rest<T>(`${api}${path}`, { method: 'POST', body });
const ready = (name: 'user-service' | 'order-service') =>
  rest<{ status: string; details: Record<string, { status: string }> }>(`${platform.probes[name]}/health/ready`);
const notifiedOf = async (id: string) => {
  const { body } = await rest<{ notifications: { resourceId: string }[] }>(
    `${api}/users/${id}/notifications?pageSize=1000`,
  );
  return body.notifications.map(({ resourceId }) => resourceId);
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'rookery-chaos-'));
  servers = await startServers({ dir, env: { PATH: process.env['PATH'] } });
  platform = await startDistributed(servers);
  api = `${platform.restUrl}/v1`;
  user = (await post<{ id: string }>('/users', newUser())).body;
});
afterAll(async () => {
  await platform?.stop();
  await servers?.stop();
  await rm(dir, { recursive: true, force: true });
});

describe('Redis', () => {
  it('stops under traffic: no call fails, readiness says degraded; it comes back by itself', async () => {
    const traffic = new Traffic(async () => (await rest(`${api}/users/${user.id}`)).status);
    await expect.poll(() => traffic.total).toBeGreaterThan(100);
    await servers.redis.kill();
    await expect
      .poll(async () => (await ready('user-service')).body, { timeout: 5_000 })
      .toMatchObject({
        status: 'degraded',
        details: { cache: { status: 'degraded' }, database: { status: 'up' } },
      });
    expect((await ready('user-service')).status).toBe(200);
    const before = traffic.total;
    await expect.poll(() => traffic.total).toBeGreaterThan(before + 100);
    await servers.redis.start();
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
      const { status } = await rest(`${api}/orders?userId=${user.id}`);
      slow.push(performance.now() - startedAt);
      return status;
    });
    await expect.poll(() => traffic.total).toBeGreaterThan(50);
    await servers.postgres.stop();
    const stoppedAt = Date.now();
    await expect.poll(async () => (await ready('order-service')).status, { timeout: 2_000 }).toBe(503);
    expect(Date.now() - stoppedAt).toBeLessThan(2_000);
    expect(await ready('order-service')).toMatchObject({
      body: { status: 'error', details: { database: { status: 'down' } } },
    });
    expect(await rest(`${api}/orders?userId=${user.id}`)).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    await servers.postgres.start();
    await expect.poll(async () => (await ready('order-service')).status, { timeout: 15_000 }).toBe(200);
    await expect.poll(async () => (await rest(`${api}/orders?userId=${user.id}`)).status).toBe(200);
    await traffic.stop();
    expect([...traffic.statuses.keys()].toSorted()).toEqual([200, 503]);
    expect(Math.max(...slow)).toBeLessThan(5_000);
  });
});

describe('NATS', () => {
  it('stops: orders are accepted all the same, and their notifications arrive when it is back', async () => {
    await servers.nats.stop();
    await expect
      .poll(async () => (await ready('order-service')).body, { timeout: 10_000 })
      .toMatchObject({
        status: 'degraded',
        details: { events: { status: 'degraded' } },
      });
    const orders = await Promise.all(
      Array.from({ length: 10 }, () => post<{ id: string }>('/orders', { userId: user.id, items: [item] })),
    );
    expect(orders.map(({ status }) => status)).toEqual(orders.map(() => 201));
    await servers.nats.start();
    const ids = orders.map(({ body }) => body.id);
    await expect.poll(() => notifiedOf(user.id), { timeout: 20_000 }).toEqual(expect.arrayContaining(ids));
  });
});

describe('user-service', () => {
  it('is down: an order is refused as UNAVAILABLE in time, and nothing of it is stored', async () => {
    const process = platform.processes.get('user-service')!;
    const count = async () =>
      (await rest<{ orders: object[] }>(`${api}/orders?userId=${user.id}&pageSize=1000`)).body.orders.length;
    const before = await count();
    await process.kill();
    const startedAt = Date.now();
    expect(await post('/orders', { userId: user.id, items: [item] })).toMatchObject({
      status: 503,
      body: { code: 'UNAVAILABLE' },
    });
    expect(Date.now() - startedAt).toBeLessThan(10_000);
    expect(await count()).toBe(before);
  });
});
