import { Controller } from '@nestjs/common';
import { OrderCancelled, OrderConfirmed, OrderCreated } from '@rookery/contracts/order/v1';
import { Transactions } from '@rookery/database';
import { OnEvent, Outbox } from '@rookery/messaging';
import { AckPolicy } from '@nats-io/jetstream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NatsScenario } from './nats-scenario.fixture.js';
import { operator } from './nats-server.fixture.js';
import { soon } from './scenario.fixture.js';
import { deliveries, effectController, effects, orderCreated } from './services.fixture.js';

let scenario: NatsScenario;

beforeEach(async () => {
  scenario = await NatsScenario.start();
});
afterEach(() => scenario.close());

it('each handler goes by its own options, the others by the configuration', async () => {
  let together = 0;
  let most = 0;
  const begun: number[] = [];
  @Controller()
  class Own {
    @OnEvent(OrderCreated, { concurrency: 2 })
    async created(): Promise<void> {
      most = Math.max(most, ++together);
      await new Promise((resolve) => setImmediate(resolve));
      together--;
    }

    @OnEvent(OrderConfirmed, { maxDeliveries: 2, backoff: { first: 1, longest: '5ms' } })
    async confirmed(): Promise<void> {
      throw new Error('never');
    }

    @OnEvent(OrderCancelled, { rate: '10/s' })
    async cancelled(): Promise<void> {
      begun.push(performance.now());
    }
  }
  const env = { EVENTS_MAX_DELIVERIES: '1000' };
  const service = await scenario.service({ name: 'own-service', controllers: [Own], env });
  const shop = await scenario.service({ name: 'shop' });
  const startedAt = performance.now();
  await shop.get(Transactions).run(async (tx) => {
    for (let index = 0; index < 30; index++) await shop.get(Outbox).add(tx, OrderCreated, { id: `o-${index}` });
    for (let index = 0; index < 6; index++) await shop.get(Outbox).add(tx, OrderCancelled, { id: `o-${index}` });
    await shop.get(Outbox).add(tx, OrderConfirmed, { id: 'o-1' });
  });
  await soon(async () => expect(await deliveries(service, 'dead')).toBe(1));
  await soon(() => expect(begun).toHaveLength(6));
  await soon(async () => expect(await deliveries(service, 'handled')).toBeGreaterThan(0));
  expect(await deliveries(service, 'retry')).toBe(1);
  expect(most).toBe(2);
  // Five intervals of 100 ms after the first, which cannot begin before it is published.
  expect(begun.at(-1)! - startedAt).toBeGreaterThan(490);
});

it.each([
  [{ concurrency: 0 }, 'concurrency cannot be 0'],
  [{ backoff: { first: 'soon' } }, 'backoff.first cannot be "soon"'],
  [{ timeout: 0 }, 'timeout cannot be 0'],
])('an option that makes no sense is refused: %j', (options, message) => {
  expect(() => OnEvent(OrderCreated, options)).toThrow(message);
});

async function outcomeOf(prepare: (jetstream: Awaited<ReturnType<typeof operator>>['jetstream']) => Promise<unknown>) {
  const { nats, jetstream } = await operator(scenario.server.url);
  await soon(() => jetstream.getAccountInfo());
  await prepare(jetstream);
  await nats.close();
  const lines: unknown[] = [];
  const mail = await scenario.service({
    name: 'mail-service',
    controllers: [effectController()],
    onLog: (line) => lines.push(line),
  });
  return { mail, lines };
}

const stream = { name: 'order_v1', subjects: ['order.v1.>'], max_age: 7 * 24 * 3_600 * 1e9 };
const durable = {
  durable_name: 'mail-service__order_v1_OrderCreated',
  ack_policy: AckPolicy.Explicit,
  filter_subject: 'order.v1.OrderCreated',
};

it.each([
  ['a stream that keeps events longer than the inbox', { ...stream, max_age: 0 }, undefined, 'max_age "unlimited"'],
  ['a consumer without payloads', stream, { ...durable, headers_only: true }, 'headers_only true'],
  ['a consumer of other events', stream, { ...durable, filter_subject: 'order.v1.>' }, 'filter_subject "order.v1.>"'],
])('%s is refused, saying why', async (_, wrongStream, consumer, reason) => {
  const { mail, lines } = await outcomeOf(async (jetstream) => {
    await jetstream.streams.add(wrongStream);
    if (consumer) await jetstream.consumers.add('order_v1', consumer);
  });
  await soon(() => expect(JSON.stringify(lines).replaceAll('\\', '')).toContain(`exists with ${reason}`));
  expect(await effects(mail)).toEqual([]);
});

it('a consumer whose handler was removed is named at the start', async () => {
  const left = 'mail-service__order_v1_OrderShipped';
  const { mail, lines } = await outcomeOf(async (jetstream) => {
    await jetstream.streams.add(stream);
    await jetstream.consumers.add('order_v1', { ...durable, durable_name: left });
  });
  await soon(() => expect(lines).toContainEqual(expect.objectContaining({ consumers: [`order_v1/${left}`] })));
  const shop = await scenario.service({ name: 'shop' });
  await orderCreated(shop, 'o-1');
  await soon(async () => expect(await effects(mail)).toEqual(['o-1']));
});
