import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeEmbeddedPostgres } from '@rookery/embedded';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { rest } from '../e2e/rest-client.js';
import { type RunningPlatform, startEmbedded } from '../e2e/topologies.js';
import { ITEM } from './order-item.js';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'rookery-kill-'));
});
afterEach(async () => {
  await removeEmbeddedPostgres(join(dir, 'postgres'));
  await rm(dir, { recursive: true, force: true });
});

async function post<T>(platform: RunningPlatform, path: string, body: unknown): Promise<T> {
  const answer = await rest<T>(`${platform.restUrl}/v1${path}`, { method: 'POST', body });
  expect(answer.status).toBe(201);
  return answer.body;
}

it('loses nothing of an answered order when it is killed at once, and starts again beside what the kill left', async () => {
  let platform = await startEmbedded(dir);
  const user = await post<{ id: string }>(platform, '/users', { email: `${randomUUID()}@example.com`, name: 'Ada' });
  const orders: string[] = [];
  for (let round = 0; round < 3; round += 1) {
    const order = await post<{ id: string }>(platform, '/orders', { userId: user.id, items: [ITEM] });
    await platform.processes.get('platform')!.kill();
    orders.push(order.id);
    platform = await startEmbedded(dir);
    expect((await rest(`${platform.restUrl}/v1/orders/${order.id}`)).status).toBe(200);
  }
  const list = async () => {
    const { body } = await rest<{ notifications: { resourceId: string }[] }>(
      `${platform.restUrl}/v1/users/${user.id}/notifications`,
    );
    return body.notifications.map(({ resourceId }) => resourceId).filter((id) => id !== user.id);
  };
  await expect.poll(list, { timeout: 10_000 }).toEqual(orders.toReversed());
  const startedAt = Date.now();
  expect(await platform.stop()).toEqual([0]);
  expect(Date.now() - startedAt).toBeLessThan(3_000);
});
