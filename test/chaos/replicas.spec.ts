import { randomUUID } from 'node:crypto';
import { type NatsConnection, connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { difference, notificationsOf } from './audit.js';
import { ChaosPlatform } from './chaos-platform.js';
import { ITEM } from './order-item.js';
import { readMetrics, sumOf } from './prometheus.js';

/** What another replica may take to go on where a killed one was, in milliseconds. */
const TAKE_OVER = 5_000;
const ORDERS = ['order-service', 'order-service-2'];
const NOTIFICATIONS = ['notification-service', 'notification-service-2'];

let chaos: ChaosPlatform;
let nats: NatsConnection;
let user: string;
/** When each event reached the bus, by its type and the order's id; once, or something is wrong. */
const arrivals = new Map<string, number[]>();

beforeAll(async () => {
  chaos = await ChaosPlatform.start({
    replicas: { 'order-service': 2, 'notification-service': 2 },
    environment: { LOG_LEVEL: 'warn', ORDER_PENDING_TIMEOUT: '3s' },
  });
  nats = await connect({ servers: chaos.servers.natsUrl });
  nats.subscribe('order.v1.>', {
    callback: (_, { subject, headers }) => {
      const name = `${subject} ${headers?.get('ce-partitionkey')}`;
      arrivals.set(name, [...(arrivals.get(name) ?? []), Date.now()]);
    },
  });
  await nats.flush();
  user = await chaos.newUser();
});
afterAll(async () => {
  await nats?.close();
  await chaos?.stop();
});

async function order(): Promise<{ status: number; id: string }> {
  const body = { userId: user, items: [ITEM], requestId: randomUUID() };
  const answer = await chaos.post<{ id: string }>('/orders', body);
  return { status: answer.status, id: answer.body.id };
}

const metricOf = async (process: string, name: string, labels: Record<string, string> = {}) =>
  sumOf(await readMetrics(chaos.platform.probes[process]!), name, labels);
const total = async (processes: string[], name: string, labels: Record<string, string>) =>
  (await Promise.all(processes.map((process) => metricOf(process, name, labels)))).reduce((sum, one) => sum + one, 0);
const CREATED = { type: 'order.v1.OrderCreated', outcome: 'handled' };

/** Of the two replicas those that say of themselves that they publish. */
async function relays(): Promise<string[]> {
  const says = await Promise.all(ORDERS.map((name) => metricOf(name, 'outbox_relay')));
  return ORDERS.filter((_, index) => says[index] === 1);
}

it('has its replicas share the work, and cancels each order that stays pending once', async () => {
  const orders = await Promise.all(Array.from({ length: 100 }, order));
  expect(orders.map(({ status }) => status)).toEqual(orders.map(() => 201));
  await expect.poll(() => total(NOTIFICATIONS, 'event_handling_seconds_count', CREATED)).toBe(orders.length);
  for (const name of NOTIFICATIONS) {
    expect(await metricOf(name, 'event_handling_seconds_count', CREATED), name).toBeGreaterThan(10);
  }
  const expected = orders.flatMap(({ id }) => [`order.v1.OrderCreated ${id}`, `order.v1.OrderCancelled ${id}`]);
  const notified = async () =>
    difference(await notificationsOf(chaos.api, user), [`user.v1.UserCreated ${user}`, ...expected]);
  await expect.poll(notified, { timeout: 20_000 }).toEqual({ missing: [], twice: [], unknown: [] });
  const jobs = { type: 'order.v1.CancelStaleOrder' };
  expect(await total(ORDERS, 'event_handling_seconds_count', { ...jobs, outcome: 'handled' })).toBe(orders.length);
  expect(await total(ORDERS, 'event_handling_seconds_count', jobs)).toBe(orders.length);
  for (const name of expected) expect(arrivals.get(name), name).toHaveLength(1);
});

it('has one replica publish, and another go on within 5 s of its kill -9', async () => {
  await expect.poll(relays).toHaveLength(1);
  const [holder] = await relays();
  const killedAt = Date.now();
  await chaos.platform.processes.get(holder!)!.kill();
  // Accepted by the one that is left; a call that was on its way to the other may fail.
  let next = await order().catch(() => undefined);
  while (next?.status !== 201 && Date.now() - killedAt < TAKE_OVER) next = await order().catch(() => undefined);
  const arrival = () => arrivals.get(`order.v1.OrderCreated ${next?.id}`)?.[0];
  await expect.poll(arrival, { timeout: 2 * TAKE_OVER, interval: 20 }).toBeDefined();
  const took = arrival()! - killedAt;
  console.log(`chaos: the outbox of a killed replica was taken over within ${took} ms`);
  expect(took).toBeLessThan(TAKE_OVER);
  await chaos.platform.startAgain(holder!);
  await expect.poll(relays).toEqual(ORDERS.filter((name) => name !== holder));
});
