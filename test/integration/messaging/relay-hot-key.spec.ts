import type { TestingModule } from '@nestjs/testing';
import { Messaging } from '@rookery/messaging';
import { DataSource } from 'typeorm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NatsScenario } from './nats-scenario.fixture.js';
import { operator } from './nats-server.fixture.js';
import { soon } from './scenario.fixture.js';
import { orderCreated, waiting } from './services.fixture.js';

const HOT = 30_000;

let scenario: NatsScenario;
let shop: TestingModule;

beforeEach(async () => {
  scenario = await NatsScenario.start();
  shop = await scenario.service({ name: 'shop', relay: false });
});
afterEach(() => scenario.close());

async function left(key: string): Promise<number> {
  const [row] = await shop
    .get(DataSource)
    .query<{ count: number }[]>('SELECT count(*)::int AS count FROM outbox WHERE key = $1', [key]);
  return row!.count;
}

it('a key with a large backlog is published in its order, and others are not kept waiting by it', async () => {
  const database = shop.get(DataSource);
  // Has its position before all others, and commits after them.
  const late = database.createQueryRunner();
  await late.startTransaction();
  const row = `gen_random_uuid(), 'order.v1.OrderCreated'`;
  await late.query(`INSERT INTO outbox (id, type, key, headers, payload) VALUES (${row}, 'late', '{}', '')`);
  await database.query(
    `INSERT INTO outbox (id, type, key, headers, payload)
     SELECT ${row}, 'hot', json_build_object('n', n::text)::jsonb, '' FROM generate_series(1, ${HOT}) AS n`,
  );
  await orderCreated(shop, 'behind');
  shop.get(Messaging).startRelay();
  await soon(async () => expect(await left('behind')).toBe(0));
  await late.commitTransaction();
  await late.release();
  await soon(async () => expect(await left('late')).toBe(0));
  await orderCreated(shop, 'new');
  await soon(async () => expect(await left('new')).toBe(0));
  expect(await left('hot')).toBeGreaterThan(HOT / 4);
  await database.query(`DELETE FROM outbox WHERE key = 'hot' AND (headers ->> 'n')::int > 5000`);
  await soon(async () => expect(await waiting(shop)).toBe(0));

  const { nats, jetstream } = await operator(scenario.server.url);
  const { messages } = (await jetstream.streams.info('order_v1')).state;
  const numbers: number[] = [];
  for (let seq = 1; seq <= Math.min(messages, 2_000); seq++) {
    const n = (await jetstream.streams.getMessage('order_v1', { seq }))!.header.get('n');
    if (n) numbers.push(Number(n));
  }
  await nats.close();
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
});
