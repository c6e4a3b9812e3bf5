import { randomUUID } from 'node:crypto';
import { JetStreamApiError, jetstream as jetstreamOf } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { EventBus } from '@rookery/messaging';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NatsScenario } from './nats-scenario.fixture.js';
import { operator } from './nats-server.fixture.js';
import { soon } from './scenario.fixture.js';
import { type Hook, deliveries, effects, orderCreated } from './services.fixture.js';

const DEAD = 'dead.mail-service.order.v1.OrderCreated';

let scenario: NatsScenario;

beforeEach(async () => {
  scenario = await NatsScenario.start();
});
afterEach(() => scenario.close());

const shopAndMail = (hook?: Hook) => scenario.shopAndMail(hook, { EVENTS_MAX_DELIVERIES: '4' });

async function deadLetter() {
  const { nats, jetstream } = await operator(scenario.server.url);
  try {
    // Asking for a message while the stream is being created crashes nats-server 2.9.10.
    await soon(async () => expect((await jetstream.streams.info('dead_letters')).state.messages).toBe(1));
    return (await jetstream.streams.getMessage('dead_letters', { last_by_subj: DEAD }))!;
  } finally {
    await nats.close();
  }
}

it('an event that always fails becomes a dead letter, and the others go on meanwhile', async () => {
  const order: string[] = [];
  const { shop, mail } = await shopAndMail(({ payload, attempt }) => {
    order.push(`${payload.id} ${attempt}`);
    if (payload.id === 'poison') throw new Error('no such customer:\n"Müller"');
  });
  await orderCreated(shop, 'poison');
  await orderCreated(shop, 'fine');
  await soon(async () => expect(await deliveries(mail, 'dead')).toBe(1));

  const letter = await deadLetter();
  expect(OrderCreated.decode(letter.data).id).toBe('poison');
  expect(letter.header.get('ce-type')).toBe('order.v1.OrderCreated');
  expect(letter.header.get('dead-service')).toBe('mail-service');
  expect(letter.header.get('dead-attempts')).toBe('4');
  expect(decodeURIComponent(letter.header.get('dead-reason'))).toBe('no such customer:\n"Müller"');

  expect(await effects(mail)).toEqual(['fine']);
  expect(order.filter((line) => line.startsWith('poison'))).toEqual(['poison 1', 'poison 2', 'poison 3', 'poison 4']);
  expect(order.indexOf('fine 1')).toBeLessThan(order.indexOf('poison 4'));
  const { nats, jetstream } = await operator(scenario.server.url);
  await soon(async () => {
    const info = await jetstream.consumers.info('order_v1', 'mail-service__order_v1_OrderCreated');
    expect({ unsettled: info.num_ack_pending, unseen: info.num_pending }).toEqual({ unsettled: 0, unseen: 0 });
  });
  await nats.close();
});

it('what is no event becomes a dead letter at once', async () => {
  const { shop, mail } = await shopAndMail();
  await orderCreated(shop, 'o-1');
  await soon(async () => expect(await effects(mail)).toEqual(['o-1']));
  const { nats } = await operator(scenario.server.url);
  const foreign = headers();
  foreign.set('ce-specversion', '1.0');
  foreign.set('ce-id', randomUUID());
  foreign.set('ce-type', OrderCreated.$type);
  foreign.set('ce-time', new Date().toISOString());
  await jetstreamOf(nats).publish(OrderCreated.$type, Uint8Array.of(0x0a, 0x7f), { headers: foreign });
  await nats.close();
  const letter = await deadLetter();
  expect(letter.header.get('dead-attempts')).toBe('1');
  expect(decodeURIComponent(letter.header.get('dead-reason'))).toContain('its payload is no order.v1.OrderCreated');
  expect([...letter.data]).toEqual([0x0a, 0x7f]);
});

it('a stream that somebody else set up otherwise is refused, naming the difference', async () => {
  const { nats, jetstream } = await operator(scenario.server.url);
  await soon(() =>
    jetstream.streams.add({ name: 'order_v1', subjects: ['order.v1.*'] }).catch((error: unknown) => {
      if (!(error instanceof JetStreamApiError)) throw error;
    }),
  );
  await nats.close();
  const { shop } = await shopAndMail();
  const event = { id: randomUUID(), type: OrderCreated.$type, headers: {}, payload: new Uint8Array() };
  await soon(() =>
    expect(shop.get(EventBus).publish(event)).rejects.toThrow(
      'the stream order_v1 exists with subjects ["order.v1.*"], Rookery needs ["order.v1.>"]',
    ),
  );
});
