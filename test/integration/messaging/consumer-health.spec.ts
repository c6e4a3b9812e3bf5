import { nanos } from '@nats-io/transport-node';
import type { TestingModule } from '@nestjs/testing';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { Metrics } from '@rookery/observability';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NatsScenario } from './nats-scenario.fixture.js';
import { operator } from './nats-server.fixture.js';
import { soon } from './scenario.fixture.js';
import { effectController, effects, orderCreated, stateOf } from './services.fixture.js';

const DAYS = nanos(24 * 60 * 60 * 1_000);

let scenario: NatsScenario;

beforeEach(async () => {
  scenario = await NatsScenario.start();
});
afterEach(() => scenario.close());

const state = (service: TestingModule) => stateOf(service, 'events');

async function gauge(service: TestingModule, name: string): Promise<number | undefined> {
  const values = (await service.get(Metrics).registry.getSingleMetric(name)?.get())?.values ?? [];
  return values.find(({ labels }) => labels.type === OrderCreated.$type)?.value;
}

it('readiness and metrics say that events are not consumed, and why, until they are', async () => {
  const { nats, jetstream } = await operator(scenario.server.url);
  const stream = { name: 'order_v1', subjects: ['order.v1.>'] };
  await soon(() => jetstream.streams.add(stream));
  const mail = await scenario.service({ name: 'mail-service', controllers: [effectController()] });
  await soon(async () => {
    const { up, detail } = await state(mail);
    expect(up).toBe(false);
    expect(detail).toMatch(/^order\.v1\.OrderCreated is not consumed: the stream order_v1 exists with max_age/);
  });
  expect(await gauge(mail, 'event_consumer_up')).toBe(0);

  await jetstream.streams.update('order_v1', { ...stream, max_age: 7 * DAYS });
  await nats.close();
  await soon(async () => expect(await state(mail)).toMatchObject({ up: true }));
  expect(await gauge(mail, 'event_consumer_up')).toBe(1);
});

it('metrics say how many events wait for their handler', async () => {
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  const env = { EVENTS_CONCURRENCY: '1' };
  const { shop, mail } = await scenario.shopAndMail(() => held, env);
  for (let index = 0; index < 5; index++) await orderCreated(shop, `o-${index}`);
  await soon(async () => expect(await gauge(mail, 'event_consumer_pending')).toBe(5));
  release();
  await soon(async () => expect(await effects(mail)).toHaveLength(5));
  await soon(async () => expect(await gauge(mail, 'event_consumer_pending')).toBe(0));
});
