import { Controller } from '@nestjs/common';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { OnEvent, type ReceivedEvent } from '@rookery/messaging';
import type { EntityManager } from 'typeorm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PostgresProxy } from '../database/postgres-proxy.fixture.js';
import { NatsProxy } from './nats-proxy.fixture.js';
import { NatsScenario } from './nats-scenario.fixture.js';
import { soon } from './scenario.fixture.js';
import { effects, orderCreated } from './services.fixture.js';

@Controller()
class Ordered {
  @OnEvent(OrderCreated, { ordered: 'key' })
  async created({ payload }: ReceivedEvent<OrderCreated>, tx: EntityManager): Promise<void> {
    await tx.query('INSERT INTO effects (what) VALUES ($1)', [payload.id]);
  }
}

let scenario: NatsScenario;
let databaseUrl: string;

beforeEach(async () => {
  scenario = await NatsScenario.start();
  databaseUrl = await scenario.database();
});
afterEach(() => scenario.close());

/** Not the relay: nothing but the lease keeps its session busy. */
const mail = (urls: { databaseUrl?: string; natsUrl?: string } = {}) =>
  scenario.service({ name: 'mail-service', databaseUrl, controllers: [Ordered], relay: false, ...urls });

const holder = async () => {
  const [row] = await scenario.query<{ pid: number }>(
    `SELECT a.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 7665 AND l.objsubid = 2 AND a.datname = $1`,
    [new URL(databaseUrl).pathname.slice(1)],
  );
  return row?.pid;
};

it('another replica goes on when the one with the lease says nothing any more', async () => {
  const proxy = await PostgresProxy.before(databaseUrl);
  try {
    const shop = await scenario.service({ name: 'shop-service' });
    await mail({ databaseUrl: proxy.url });
    await soon(async () => expect(await holder()).toBeDefined());
    const second = await mail();
    proxy.freezeOpen();
    const frozen = performance.now();
    await orderCreated(shop, 'o-1');
    await soon(async () => expect(await effects(second)).toEqual(['o-1']));
    expect(performance.now() - frozen).toBeLessThan(8_000);
  } finally {
    await proxy.close();
  }
});

it('a replica that has nothing to do keeps its lease', async () => {
  await mail();
  const pid = await soon(async () => {
    const found = await holder();
    expect(found).toBeDefined();
    return found;
  });
  // Longer than a session that says nothing would live.
  const end = performance.now() + 4_500;
  await soon(() => expect(performance.now()).toBeGreaterThan(end));
  expect(await holder()).toBe(pid);
});

it('another replica goes on when the one with the lease is cut off from NATS alone', async () => {
  const way = await NatsProxy.before(scenario.server.url);
  try {
    const shop = await scenario.service({ name: 'shop-service' });
    await mail({ natsUrl: way.url });
    await soon(async () => expect(await holder()).toBeDefined());
    const pid = await holder();
    const second = await mail();
    way.cut();
    const cut = performance.now();
    await orderCreated(shop, 'o-1');
    await soon(async () => expect(await effects(second)).toEqual(['o-1']));
    expect(performance.now() - cut).toBeLessThan(10_000);
    const next = await holder();
    expect(next).not.toBe(pid);
    way.mend();
    await orderCreated(shop, 'o-2');
    await soon(async () => expect(await effects(second)).toEqual(['o-1', 'o-2']));
    expect(await holder()).toBe(next);
  } finally {
    await way.close();
  }
});
