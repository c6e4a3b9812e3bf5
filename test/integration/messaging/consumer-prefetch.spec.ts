import { setTimeout as sleep } from 'node:timers/promises';
import { OrderCreated } from '@rookery/contracts/order/v1';
import pino from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Delivery, newEvent } from '../../../libs/messaging/src/event.js';
import { JetStreamBus } from '../../../libs/messaging/src/jetstream.bus.js';
import { DONE, type Settlement } from '../../../libs/messaging/src/settlement.js';
import { NatsScenario } from './nats-scenario.fixture.js';
import { operator } from './nats-server.fixture.js';
import { soon } from './scenario.fixture.js';

const CONCURRENCY = 4;
const EVENTS = 200;
const STOPS = 10;
const CONSUMER = 'mail-service__order_v1_OrderCreated';

const options = {
  replicas: 1,
  ackWait: 30_000,
  drainTimeout: 1_000,
  pullExpires: 1_000,
  maxDeliveries: 5,
  backoffFirst: 50,
  backoffLongest: 200,
};

let scenario: NatsScenario;
let nats: Awaited<ReturnType<typeof operator>>;

beforeEach(async () => {
  scenario = await NatsScenario.start();
  nats = await operator(scenario.server.url);
});
afterEach(async () => {
  await nats.nats.close();
  await scenario.close();
});

const consumer = () => nats.jetstream.consumers.info('order_v1', CONSUMER);

function subscription(handle: (delivery: Delivery) => Promise<Settlement>) {
  return { group: 'mail-service', type: OrderCreated.$type, concurrency: CONCURRENCY, handle };
}

function bus(name: string, settings: Partial<typeof options> = {}): JetStreamBus {
  return new JetStreamBus(scenario.server.url, name, { ...options, ...settings }, pino({ level: 'silent' }));
}

async function publish(by: JetStreamBus, count: number): Promise<void> {
  const events = Array.from({ length: count }, (_, n) =>
    newEvent(OrderCreated, { id: `o-${n}` }, { source: 'shop-service' }),
  );
  await soon(() => by.publish(events[0]!));
  await Promise.all(events.map((event) => by.publish(event)));
}

it('a replica whose handlers are stuck holds what it asked for and no more, however long, and goes on then', async () => {
  const mail = bus('mail-service');
  let release = () => {};
  const stuck = new Promise<void>((resolve) => (release = resolve));
  let handled = 0;
  const stop = mail.subscribe(
    subscription(async () => {
      await stuck;
      handled++;
      return DONE;
    }),
  );
  await publish(mail, EVENTS);
  // Many times as long as a request for events, and the wait for a heartbeat.
  const end = performance.now() + 8_000;
  const seen: number[] = [];
  const seenLater: number[] = [];
  await soon(async () => {
    seen.push((await consumer()).num_ack_pending);
    expect(performance.now()).toBeGreaterThan(end);
  });
  release();
  await soon(async () => {
    seenLater.push((await consumer()).num_ack_pending);
    expect(handled).toBe(EVENTS);
  });
  await soon(async () => expect(await consumer()).toMatchObject({ num_pending: 0, num_ack_pending: 0 }));
  expect(Math.max(...seen)).toBeGreaterThanOrEqual(CONCURRENCY);
  expect(Math.max(...seen)).toBeLessThanOrEqual(2 * CONCURRENCY);
  // With acknowledgements that the server has not come to yet.
  expect(Math.max(...seenLater)).toBeLessThanOrEqual(6 * CONCURRENCY);
  await stop();
  await mail.close();
});

it('what waits for stuck handlers is soon with another replica, and is not handled by both', async () => {
  const [busy, idle] = [bus('busy', { ackWait: 3_000 }), bus('idle', { ackWait: 3_000 })];
  let release = () => {};
  const stuck = new Promise<void>((resolve) => (release = resolve));
  const begun: string[] = [];
  const stops = [
    busy.subscribe(
      subscription(async ({ event }) => {
        begun.push(event.id);
        await stuck;
        return DONE;
      }),
    ),
  ];
  await publish(busy, 3 * CONCURRENCY);
  await soon(async () => expect((await consumer()).num_ack_pending).toBeGreaterThan(CONCURRENCY));
  stops.push(
    idle.subscribe(
      subscription(async ({ event }) => {
        begun.push(event.id);
        return DONE;
      }),
    ),
  );
  await soon(async () => expect(await consumer()).toMatchObject({ num_pending: 0, num_ack_pending: CONCURRENCY }));
  expect(begun).toHaveLength(3 * CONCURRENCY);
  release();
  await soon(async () => expect((await consumer()).num_ack_pending).toBe(0));
  expect(new Set(begun).size).toBe(3 * CONCURRENCY);
  expect(begun).toHaveLength(3 * CONCURRENCY);
  await Promise.all(stops.map((stop) => stop()));
  await Promise.all([busy.close(), idle.close()]);
});

it('what waits with a replica that stops is soon with another one', async () => {
  const [stopping, other] = [bus('stopping'), bus('other')];
  let release = () => {};
  const stuck = new Promise<void>((resolve) => (release = resolve));
  const stopIt = stopping.subscribe(
    subscription(async () => {
      await stuck;
      return DONE;
    }),
  );
  // Fewer than it asks for: the server still has a request of it when it stops.
  const waiting = 2;
  await publish(stopping, CONCURRENCY + waiting);
  await soon(async () => expect((await consumer()).num_ack_pending).toBe(CONCURRENCY + waiting));
  const stopped = stopIt();
  const handled: string[] = [];
  const stopOther = other.subscribe(
    subscription(async ({ event }) => {
      handled.push(event.id);
      return DONE;
    }),
  );
  await stopped;
  // `soon` is shorter than the ack timeout.
  await soon(() => expect(handled).toHaveLength(waiting));
  release();
  await soon(async () => expect((await consumer()).num_ack_pending).toBe(0));
  expect(handled).toHaveLength(waiting);
  expect(new Set(handled).size).toBe(waiting);
  await stopOther();
  await Promise.all([stopping.close(), other.close()]);
});

it('replicas that stop under load leave nothing behind that waits for the ack timeout', async () => {
  const shop = bus('shop-service');
  const handled = new Map<string, number>();
  const start = () => {
    const replica = bus('mail-service');
    const stop = replica.subscribe(
      subscription(async ({ event }) => {
        await sleep(2);
        handled.set(event.id, (handled.get(event.id) ?? 0) + 1);
        return DONE;
      }),
    );
    return { replica, stop };
  };
  const warm = start();
  await publish(shop, STOPS * EVENTS);
  await soon(() => expect(handled.size).toBeGreaterThan(0));
  let { replica, stop } = warm;
  for (let count = 1; count <= STOPS; count++) {
    const before = handled.size;
    await soon(() => expect(handled.size).toBeGreaterThan(before + EVENTS / 2));
    await stop();
    await replica.close();
    ({ replica, stop } = start());
  }
  // `soon` is shorter than the ack timeout.
  await soon(async () => expect(await consumer()).toMatchObject({ num_pending: 0, num_ack_pending: 0 }));
  expect(handled.size).toBe(STOPS * EVENTS);
  expect(Math.max(...handled.values())).toBe(1);
  await stop();
  await Promise.all([replica.close(), shop.close()]);
});
