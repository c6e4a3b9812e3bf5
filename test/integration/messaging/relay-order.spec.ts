import type { TestingModule } from '@nestjs/testing';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NatsScenario } from './nats-scenario.fixture.js';
import { operator } from './nats-server.fixture.js';
import { soon } from './scenario.fixture.js';
import { metric, orderCreated, stateOf, waiting } from './services.fixture.js';

const KEYS = 20;

let scenario: NatsScenario;
let shop: TestingModule;

beforeEach(async () => {
  scenario = await NatsScenario.start();
  shop = await scenario.service({ name: 'shop' });
});
afterEach(() => scenario.close());

/** Adds events of each key, one after the other in each, until `stop`. @returns what was committed, by key */
function load(): { stop(): Promise<Map<string, string[]>> } {
  const committed = new Map<string, string[]>();
  let stopped = false;
  const clients = Array.from({ length: KEYS }, async (_, client) => {
    const key = `k-${client}`;
    const ids: string[] = [];
    committed.set(key, ids);
    for (let n = 0; !stopped; n++) {
      const id = `${key} ${n}`;
      await orderCreated(shop, id, key);
      ids.push(id);
    }
  });
  return {
    async stop() {
      stopped = true;
      await Promise.all(clients);
      return committed;
    },
  };
}

/** What the stream holds, by key, in its order. */
async function stored(count: number): Promise<Map<string, string[]>> {
  const { nats, jetstream } = await operator(scenario.server.url);
  try {
    const read = (_: unknown, index: number) => jetstream.streams.getMessage('order_v1', { seq: index + 1 });
    const byKey = new Map<string, string[]>();
    for (const message of await Promise.all(Array.from({ length: count }, read))) {
      const { id } = OrderCreated.decode(message!.data);
      const key = id.split(' ')[0]!;
      byKey.set(key, [...(byKey.get(key) ?? []), id]);
    }
    expect((await jetstream.streams.info('order_v1')).state.messages).toBe(count);
    return byKey;
  } finally {
    await nats.close();
  }
}

/** Since `before` an event of each key was refused. */
async function refusedOfEachKey(before: number): Promise<void> {
  await soon(async () => expect(await metric(shop, 'outbox_refused_total')).toBeGreaterThan(before + KEYS));
}
/** Without a connection nothing is tried. */
const told = () => soon(async () => expect((await stateOf(shop, 'outbox')).detail).toContain('events wait'));

it.each([
  ['is stopped and started again', () => scenario.server.stop(), told, () => scenario.server.start()],
  [
    'is frozen for longer than a publisher waits',
    async () => scenario.server.freeze(),
    refusedOfEachKey,
    () => scenario.server.thaw(),
  ],
])(
  'no event is lost, doubled or overtaken by another of its key when NATS %s under load',
  async (_, down, felt, up) => {
    const running = load();
    await soon(async () => expect(await metric(shop, 'outbox_published_total')).toBeGreaterThan(100));
    const refused = await metric(shop, 'outbox_refused_total');
    await down();
    await felt(refused);
    await soon(async () => expect(await metric(shop, 'outbox_pending')).toBeGreaterThan(KEYS));
    expect(await metric(shop, 'outbox_oldest_seconds')).toBeGreaterThan(0);
    await up();
    const published = await metric(shop, 'outbox_published_total');
    await soon(async () => expect(await metric(shop, 'outbox_published_total')).toBeGreaterThan(published + 100));
    const committed = await running.stop();
    await soon(async () => expect(await waiting(shop)).toBe(0));
    expect(await stored([...committed.values()].flat().length)).toEqual(committed);
  },
);

it('an event that the bus always refuses holds up its key and nothing else', async () => {
  const { nats, jetstream } = await operator(scenario.server.url);
  await orderCreated(shop, 'first');
  await soon(async () => expect(await waiting(shop)).toBe(0));
  const { config } = await jetstream.streams.info('order_v1');
  await jetstream.streams.update('order_v1', { ...config, max_msg_size: 2_000 });
  const long = `poison ${'x'.repeat(3_000)}`;
  await orderCreated(shop, long, 'poisoned');
  await orderCreated(shop, 'poisoned-later', 'poisoned');
  await orderCreated(shop, 'other', 'other');
  await soon(async () => expect((await jetstream.streams.info('order_v1')).state.messages).toBe(2));
  await soon(async () => expect(await waiting(shop)).toBe(2));
  await jetstream.streams.update('order_v1', { ...config, max_msg_size: -1 });
  await nats.close();
  await soon(async () => expect(await waiting(shop)).toBe(0));
  expect([...(await stored(4)).values()].flat()).toEqual(['first', 'other', long, 'poisoned-later']);
});
