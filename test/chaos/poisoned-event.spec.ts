import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jetstream } from '@nats-io/jetstream';
import { connect, headers } from '@nats-io/transport-node';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runEvents } from '../../tools/events/run-events.js';
import { notificationsOf } from './audit.js';
import { ChaosPlatform } from './chaos-platform.js';
import { ITEM } from './order-item.js';

let chaos: ChaosPlatform;
let user: string;

beforeAll(async () => {
  chaos = await ChaosPlatform.start({
    // One place for events, which the poisoned one must leave to the others.
    environment: { EVENTS_CONCURRENCY: '1', EVENTS_MAX_DELIVERIES: '5', EVENTS_BACKOFF_FIRST: '300ms' },
  });
  user = await chaos.newUser();
});
afterAll(() => chaos?.stop());

/** @returns its id */
async function order(): Promise<string> {
  return (await chaos.post<{ id: string }>('/orders', { userId: user, items: [ITEM] })).body.id;
}

const events = (...args: string[]) => runEvents(args, chaos.servers.natsUrl);
const deadLetters = async () =>
  JSON.parse(await events('dead', 'list', '--json')) as { sequence: number; service: string; id: string }[];

/** An event that the handler cannot store: its user's id is none. */
async function poison(id: string, orderId: string): Promise<void> {
  const nats = await connect({ servers: chaos.servers.natsUrl });
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
  const first = await order();
  const notified = () => notificationsOf(chaos.api, user);
  await expect.poll(notified).toContain(`order.v1.OrderCreated ${first}`);

  const [id, orderId] = [randomUUID(), randomUUID()];
  await poison(id, orderId);
  const other = await order();
  await expect.poll(notified).toContain(`order.v1.OrderCreated ${other}`);

  await expect.poll(deadLetters, { timeout: 20_000 }).toMatchObject([{ service: 'notification-service', id }]);
  const number = String((await deadLetters())[0]!.sequence);
  expect(await events('dead', 'list')).toContain(id);
  const shown = JSON.parse(await events('dead', 'show', number)) as { payload: object; attempts: number };
  expect(shown).toMatchObject({ attempts: 5, payload: { id: orderId, userId: 'nobody' } });

  const fixed = join(chaos.dir, 'fixed.json');
  await writeFile(fixed, JSON.stringify({ ...shown.payload, userId: user }));
  await events('dead', 'replay', number, '--payload', fixed);
  await expect.poll(notified).toContain(`order.v1.OrderCreated ${orderId}`);
  const ofIt = (await notified()).filter((one) => one.endsWith(orderId));
  expect(ofIt).toEqual([`order.v1.OrderCreated ${orderId}`]);
  expect(await deadLetters()).toEqual([]);
});
