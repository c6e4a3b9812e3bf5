import type { TestingModule } from '@nestjs/testing';
import type { MessageCodec } from '@rookery/contracts';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { Transactions } from '@rookery/database';
import { Messaging, Outbox } from '@rookery/messaging';
import { DataSource } from 'typeorm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NatsScenario } from './nats-scenario.fixture.js';
import { operator } from './nats-server.fixture.js';
import { soon } from './scenario.fixture.js';
import { effectController, orderCreated, waiting } from './services.fixture.js';

let scenario: NatsScenario;

beforeEach(async () => {
  scenario = await NatsScenario.start();
});
afterEach(() => scenario.close());

function add(shop: TestingModule, $type: string): Promise<void> {
  const { encode, decode, fromPartial } = OrderCreated;
  const codec = { $type, encode, decode, fromPartial } as MessageCodec<OrderCreated>;
  return shop.get(Transactions).run((tx) => shop.get(Outbox).add(tx, codec, { id: 'o' }));
}

it('a stream is asked for once, however many events wait for it', async () => {
  const shop = await scenario.service({ name: 'shop', relay: false });
  const { nats } = await operator(scenario.server.url);
  const requests: string[] = [];
  nats.subscribe('$JS.API.STREAM.>', { callback: (_, { subject }) => void requests.push(subject) });
  await nats.flush();
  await shop.get(DataSource).query(
    `INSERT INTO outbox (id, type, key, headers, payload)
     SELECT gen_random_uuid(), 'order.v1.OrderCreated', 'k' || n, '{}', '' FROM generate_series(1, 500) AS n`,
  );
  shop.get(Messaging).startRelay();
  await soon(async () => expect(await waiting(shop)).toBe(0));
  await nats.flush();
  await nats.close();
  expect(requests).toEqual(['$JS.API.STREAM.INFO.order_v1', '$JS.API.STREAM.CREATE.order_v1']);
});

it('takes no event whose type is in no package', async () => {
  const shop = await scenario.service({ name: 'shop' });
  await expect(add(shop, 'OrderCreated')).rejects.toThrow('"OrderCreated" is no message type of a proto package');
  expect(await waiting(shop)).toBe(0);
});

it('takes no event whose package is the beginning of another one', async () => {
  const shop = await scenario.service({ name: 'shop' });
  await add(shop, 'acme.Registered');
  await expect(add(shop, 'acme.billing.v1.Paid')).rejects.toThrow(
    "acme.billing.v1.Paid and acme.Registered cannot both be published: the package of one begins with the other's",
  );
  await add(shop, 'acmecorp.v1.Founded');
  await soon(async () => expect(await waiting(shop)).toBe(0));
});

it('says which stream is in the way when another service publishes to the beginning of a package', async () => {
  const shop = await scenario.service({ name: 'shop' });
  await add(shop, 'acme.Registered');
  await soon(async () => expect(await waiting(shop)).toBe(0));
  const billing = await scenario.service({ name: 'billing' });
  await add(billing, 'acme.billing.v1.Paid');
  await soon(() =>
    expect(billing.get(Messaging).outboxState().detail).toContain(
      'a stream of acme.billing.v1.> overlaps with acme (acme.>)',
    ),
  );
});

it('dead letters are kept until somebody takes them, also by a stream of an earlier version', async () => {
  const { nats, jetstream } = await operator(scenario.server.url);
  const WEEK = 7 * 24 * 3_600 * 1e9;
  await soon(() => jetstream.streams.add({ name: 'dead_letters', subjects: ['dead.>'], max_age: WEEK }));
  const poisoned = () => {
    throw new Error('no');
  };
  const { shop } = await scenario.shopAndMail(poisoned, { EVENTS_MAX_DELIVERIES: '1' });
  await orderCreated(shop, 'o-1');
  await soon(async () => expect((await jetstream.streams.info('dead_letters')).state.messages).toBe(1));
  expect((await jetstream.streams.info('dead_letters')).config).toMatchObject({
    max_age: 0,
    max_bytes: 256 * 1024 * 1024,
    discard: 'new',
  });
  await nats.close();
});

it('a dead letter for which there is no room stays an event until there is', async () => {
  const { nats, jetstream } = await operator(scenario.server.url);
  const limits = { max_bytes: 600, discard: 'new' as never };
  const name = 'dead_letters';
  await soon(() => jetstream.streams.add({ name, subjects: ['dead.>'], ...limits }));
  const lines: string[] = [];
  const shop = await scenario.service({ name: 'shop' });
  await scenario.service({
    name: 'mail',
    env: { EVENTS_MAX_DELIVERIES: '1', EVENTS_ACK_WAIT: '1s' },
    onLog: (line) => lines.push(JSON.stringify(line)),
    controllers: [
      effectController(() => {
        throw new Error('no');
      }),
    ],
  });
  await orderCreated(shop, 'o-1');
  await soon(() => expect(lines.join('\n')).toContain('an event could not be settled; it will be delivered again'));
  const { config, state } = await jetstream.streams.info(name);
  expect(state.messages).toBe(0);
  await jetstream.streams.update(name, { ...config, max_bytes: -1 });
  await soon(async () => expect((await jetstream.streams.info(name)).state.messages).toBe(1));
  await nats.close();
});
