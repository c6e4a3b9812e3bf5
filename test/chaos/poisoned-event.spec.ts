import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstream } from '@nats-io/jetstream';
import { connect, headers } from '@nats-io/transport-node';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runEvents } from '../../tools/events/run-events.js';
import { type Servers, startServers } from '../../tools/infra/index.js';
import { rest } from '../e2e/rest-client.js';
import { type RunningPlatform, startDistributed } from '../e2e/topologies.js';
import { notificationsOf } from './audit.js';

const item = { sku: 'book', quantity: 1, unitPrice: { currencyCode: 'EUR', units: '1', nanos: 0 } };

let dir: string;
let servers: Servers;
let platform: RunningPlatform;
let api: string;
let user: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'rookery-poison-'));
  servers = await startServers({ dir, env: { PATH: process.env['PATH'] } });
  platform = await startDistributed(servers, {
    // One place for events, which the poisoned one must leave to the others.
    environment: { EVENTS_CONCURRENCY: '1', EVENTS_MAX_DELIVERIES: '5', EVENTS_BACKOFF_FIRST: '300ms' },
  });
  api = `${platform.restUrl}/v1`;
  user = (await post<{ id: string }>('/users', { email: `${randomUUID()}@example.com`, name: 'Ada' })).id;
});
afterAll(async () => {
  await platform?.stop();
  await servers?.stop();
  await rm(dir, { recursive: true, force: true });
});

async function post<T>(path: string, body: unknown): Promise<T> {
  return (await rest<T>(`${api}${path}`, { method: 'POST', body })).body;
}

const events = (...args: string[]) => runEvents(args, servers.natsUrl);
const deadLetters = async () =>
  JSON.parse(await events('dead', 'list', '--json')) as { sequence: number; service: string; id: string }[];

/** An event that the handler cannot store: its user's id is none. */
async function poison(id: string, orderId: string): Promise<void> {
  const nats = await connect({ servers: servers.natsUrl });
  const attributes = headers();
  attributes.set('ce-specversion', '1.0');
  attributes.set('ce-id', id);
  attributes.set('ce-type', OrderCreated.$type);
  attributes.set('ce-source', 'order-service');
  attributes.set('ce-time', new Date().toISOString());
  const payload = OrderCreated.encode(OrderCreated.fromPartial({ id: orderId, userId: 'nobody' })).finish();
  await jetstream(nats).publish(OrderCreated.$type, payload, { headers: attributes });
  await nats.close();
}

it('holds up no other event; it is listed, shown, fixed and replayed', async () => {
  // The stream is there once an order has been published.
  const first = await post<{ id: string }>('/orders', { userId: user, items: [item] });
  const notified = () => notificationsOf(api, user);
  await expect.poll(notified).toContain(`order.v1.OrderCreated ${first.id}`);

  const [id, orderId] = [randomUUID(), randomUUID()];
  await poison(id, orderId);
  const order = await post<{ id: string }>('/orders', { userId: user, items: [item] });
  await expect.poll(notified).toContain(`order.v1.OrderCreated ${order.id}`);

  await expect.poll(deadLetters, { timeout: 20_000 }).toMatchObject([{ service: 'notification-service', id }]);
  const number = String((await deadLetters())[0]!.sequence);
  expect(await events('dead', 'list')).toContain(id);
  const shown = JSON.parse(await events('dead', 'show', number)) as { payload: object; attempts: number };
  expect(shown).toMatchObject({ attempts: 5, payload: { id: orderId, userId: 'nobody' } });

  const fixed = join(dir, 'fixed.json');
  await writeFile(fixed, JSON.stringify({ ...shown.payload, userId: user }));
  await events('dead', 'replay', number, '--payload', fixed);
  await expect.poll(notified).toContain(`order.v1.OrderCreated ${orderId}`);
  const ofIt = (await notified()).filter((one) => one.endsWith(orderId));
  expect(ofIt).toEqual([`order.v1.OrderCreated ${orderId}`]);
  expect(await deadLetters()).toEqual([]);
});
