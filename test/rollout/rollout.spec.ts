import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { UserServiceDefinition } from '@rookery/contracts/user/v1';
import { createGrpcClient } from '@rookery/grpc';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { difference, notificationsOf, ordersOf } from '../chaos/audit.js';
import { ITEM } from '../chaos/order-item.js';
import { events, rest } from '../e2e/rest-client.js';
import { Load } from './load.js';
import { RolloutPlatform, obstacle } from './rollout-platform.js';

const ROOT = join(import.meta.dirname, '../..');
const NEXT = join(ROOT, 'dist/test/rollout/next/main.js');
const PROJECT = ['--config', 'test/rollout/next/nest-cli.json', 'next-user-service'];
const USERS = 200;

const unable = await obstacle();
if (unable) console.log(`No rollout here: ${unable}`);

let platform: RolloutPlatform;
beforeAll(async () => {
  if (unable) return;
  const nest = [join(ROOT, 'node_modules/.bin/nest'), 'build', ...PROJECT];
  const { status, stderr } = spawnSync(process.execPath, nest, { cwd: ROOT, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  platform = await RolloutPlatform.start();
});
afterAll(() => platform?.stop());

async function created(path: string, body: unknown): Promise<string> {
  const answer = await rest<{ id: string }>(`${platform.api}${path}`, { method: 'POST', body });
  if (answer.status !== 201)
    throw new Error(`POST ${path} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body.id;
}

const newUser = () => created('/users', { email: `${randomUUID()}@example.com`, name: 'Ada' });

it.skipIf(unable)(
  'loses no request and no event while every replica is replaced, twice, with a migration in between',
  async () => {
    const users = await Promise.all(Array.from({ length: USERS }, newUser));
    const [user] = users as [string];
    const client = createGrpcClient(UserServiceDefinition, {
      target: platform.target('user-service'),
      timeout: 10_000,
    });
    const orders: string[] = [];
    const confirmed: string[] = [];

    const load = new Load();
    load.add('REST, orders', 4, async () => {
      orders.push(await created('/orders', { userId: user, items: [ITEM] }));
    });
    load.add('REST, orders that are confirmed and watched to their end', 2, async () => {
      const id = await created('/orders', { userId: user, items: [ITEM] });
      orders.push(id);
      const answer = await rest(`${platform.api}/orders/${id}:confirm`, { method: 'POST', body: {} });
      if (answer.status !== 200) throw new Error(`confirm was answered ${answer.status}`);
      confirmed.push(id);
      const seen: string[] = [];
      for await (const { event, data } of events(`${platform.api}/orders/${id}:watch`)) {
        seen.push(event === 'message' ? String(data['status']) : event);
      }
      if (seen.join() !== 'ORDER_STATUS_CONFIRMED,end') throw new Error(`the watch sent ${seen.join()}`);
    });
    load.add('REST, reads', 4, async () => {
      const answer = await rest(`${platform.api}/users/${user}`);
      if (answer.status !== 200) throw new Error(`GET was answered ${answer.status}`);
    });
    load.add('gRPC, unary', 4, async () => {
      await client.methods.getUser({ id: user });
    });
    load.add('gRPC, streams', 2, async () => {
      let count = 0;
      for await (const _ of client.methods.streamUsers({})) count += 1;
      if (count < USERS) throw new Error(`the stream had ${count} users`);
    });

    try {
      await platform.rollOut();
      expect(await platform.migrate('user-service', NEXT)).toBe(0);
      await platform.rollOut({ 'user-service': NEXT });
    } finally {
      await load.stop();
      client.close();
    }

    const expected = [
      `user.v1.UserCreated ${user}`,
      ...orders.map((id) => `order.v1.OrderCreated ${id}`),
      ...confirmed.map((id) => `order.v1.OrderConfirmed ${id}`),
    ];
    const none = { missing: [], twice: [], unknown: [] };
    await expect
      .poll(async () => difference(await notificationsOf(platform.api, user), expected), { timeout: 30_000 })
      .toEqual(none);
    const stored = difference(await ordersOf(platform.api, user), orders);
    const replaced = [...platform.deployments.values()].map(({ name, replaced: count }) => `${name} ${count}`);
    console.log(`Replaced: ${replaced.join(', ')}; one migration.`);
    for (const [kind, { answered, failures }] of load.tallies) {
      console.log(`${kind}: ${answered} answered, ${failures.length} failed`);
    }
    console.log(`${orders.length} orders stored once, ${expected.length} notifications, none lost, none twice.`);
    const failed = [...load.tallies].map(([kind, { failures }]) => [kind, failures]);
    expect(Object.fromEntries(failed)).toEqual(Object.fromEntries([...load.tallies.keys()].map((kind) => [kind, []])));
    expect(stored).toEqual(none);
  },
);

it.skipIf(unable)('ended every pod in time, by itself', async () => {
  await platform.terminate();
  for (const { name, exits } of platform.deployments.values()) {
    expect(exits, name).toEqual(exits.map(() => 0));
  }
});
