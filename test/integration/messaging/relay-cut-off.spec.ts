import { Controller } from '@nestjs/common';
import type { TestingModule } from '@nestjs/testing';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { ControlConnection } from '@rookery/database';
import { Every } from '@rookery/messaging';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { NatsProxy } from './nats-proxy.fixture.js';
import { NatsScenario } from './nats-scenario.fixture.js';
import { operator } from './nats-server.fixture.js';
import { soon } from './scenario.fixture.js';
import { metric, orderCreated, waiting } from './services.fixture.js';

const KEYS = 10;
/** Milliseconds after which a relay would have handed over. */
const LONG = 8_000;

let scenario: NatsScenario;
let proxies: NatsProxy[];
let databaseUrl: string;
let lines: string[];

beforeEach(async () => {
  scenario = await NatsScenario.start();
  databaseUrl = await scenario.database();
  proxies = [];
  lines = [];
});
afterEach(async () => {
  await scenario.close();
  await Promise.all(proxies.map((proxy) => proxy.close()));
});

async function replica(name: string): Promise<{ service: TestingModule; way: NatsProxy; runs: () => number }> {
  const way = await NatsProxy.before(scenario.server.url);
  proxies.push(way);
  let runs = 0;
  @Controller()
  class EndlessController {
    @Every('1s', { name: 'endless' })
    async endless(): Promise<void> {
      runs++;
      await new Promise(() => undefined);
    }
  }
  const service = await scenario.service({
    name,
    databaseUrl,
    natsUrl: way.url,
    controllers: [EndlessController],
    env: { EVENTS_DRAIN_TIMEOUT: '500ms' },
    onLog: ({ msg }) => lines.push(String(msg)),
  });
  return { service, way, runs: () => runs };
}

async function relays(...services: TestingModule[]): Promise<number[]> {
  return Promise.all(services.map((service) => metric(service, 'outbox_relay')));
}

/** How many replicas say that they could publish. */
async function offers(): Promise<number> {
  const [row] = await scenario.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_locks JOIN pg_database d ON d.oid = database
     WHERE locktype = 'advisory' AND objid = 7665003 AND datname = $1`,
    [new URL(databaseUrl).pathname.slice(1)],
  );
  return row!.count;
}

/** Orders of each key, one after the other, until `stop`. @returns what was committed, by key */
function load(shop: TestingModule): { stop(): Promise<Map<string, string[]>> } {
  let stopped = false;
  const clients = Array.from({ length: KEYS }, async (_, client): Promise<[string, string[]]> => {
    const ids: string[] = [];
    for (let n = 0; !stopped; n++) {
      ids.push(`k-${client} ${n}`);
      await orderCreated(shop, ids.at(-1)!, `k-${client}`);
    }
    return [`k-${client}`, ids];
  });
  return {
    async stop() {
      stopped = true;
      return new Map(await Promise.all(clients));
    },
  };
}

/** What the stream holds, by key, in its order. */
async function stored(): Promise<Map<string, string[]>> {
  const { nats, jetstream } = await operator(scenario.server.url);
  const { messages } = (await jetstream.streams.info('order_v1')).state;
  const byKey = new Map<string, string[]>();
  for (let seq = 1; seq <= messages; seq++) {
    const { id } = OrderCreated.decode((await jetstream.streams.getMessage('order_v1', { seq }))!.data);
    const key = id.split(' ')[0]!;
    byKey.set(key, [...(byKey.get(key) ?? []), id]);
  }
  await nats.close();
  return byKey;
}

it('a relay that is cut off from the bus hands over to a replica that is not, and the order of keys holds', async () => {
  const one = await replica('one');
  await soon(async () => expect(await relays(one.service)).toEqual([1]));
  const two = await replica('two');
  const running = load(two.service);
  await soon(async () => expect(await metric(one.service, 'outbox_published_total')).toBeGreaterThan(50));
  one.way.cut();
  await soon(async () => expect(await relays(one.service, two.service)).toEqual([0, 1]));
  await soon(async () => expect(await metric(two.service, 'outbox_published_total')).toBeGreaterThan(50));
  const committed = await running.stop();
  await soon(async () => expect(await waiting(two.service)).toBe(0));
  expect(await stored()).toEqual(committed);
  expect(lines.filter((line) => line.includes('another replica publishes'))).toHaveLength(1);

  // And back, whoever was cut off before.
  one.way.mend();
  await soon(() => expect(lines.filter((line) => line.includes('connected to NATS'))).toHaveLength(3));
  two.way.cut();
  await soon(async () => expect(await relays(one.service, two.service)).toEqual([1, 0]));
  await orderCreated(two.service, 'k-0 last', 'k-0');
  await soon(async () => expect(await waiting(two.service)).toBe(0));
});

it('when no replica reaches the bus the relay stays where it is, tells what waits, and runs its jobs', async () => {
  const one = await replica('one');
  await soon(async () => expect(await relays(one.service)).toEqual([1]));
  const two = await replica('two');
  await soon(() => expect(one.runs()).toBe(1));
  one.way.cut();
  two.way.cut();
  await orderCreated(two.service, 'o-1');
  await soon(() => expect(lines.filter((line) => line.includes('events wait'))).toHaveLength(1));
  const end = performance.now() + LONG;
  await soon(async () => {
    expect(await relays(one.service, two.service)).toEqual([1, 0]);
    expect(performance.now()).toBeGreaterThan(end);
  });
  expect(await metric(one.service, 'outbox_pending')).toBe(1);
  expect(await metric(one.service, 'outbox_oldest_seconds')).toBeGreaterThan(5);
  expect([one.runs(), two.runs()]).toEqual([1, 0]);
  expect(lines.filter((line) => line.includes('events wait'))).toHaveLength(1);

  two.way.mend();
  await soon(async () => expect(await waiting(two.service)).toBe(0));
  expect(await relays(one.service, two.service)).toEqual([0, 1]);
});

it('a relay that nobody relieves takes its lock back, and does not try again at once', async () => {
  const one = await replica('one');
  await soon(async () => expect(await relays(one.service)).toEqual([1]));
  // Says that it could publish, and does not.
  const two = await replica('two');
  await soon(async () => expect(await offers()).toBe(2));
  const polls = two.service.get(ControlConnection);
  const query = polls.query.bind(polls);
  vi.spyOn(polls, 'query').mockImplementation(async (text, values) =>
    text.includes('pg_try_advisory_lock(') ? [] : ((await query(text, values)) as never),
  );
  one.way.cut();
  await orderCreated(two.service, 'o-1');
  await soon(async () => expect(await relays(one.service)).toEqual([0]));
  await soon(async () => expect(await relays(one.service)).toEqual([1]));
  const end = performance.now() + LONG;
  await soon(async () => {
    expect(await relays(one.service)).toEqual([1]);
    expect(performance.now()).toBeGreaterThan(end);
  });
  await soon(async () => expect(await metric(one.service, 'outbox_pending')).toBe(1));
});
