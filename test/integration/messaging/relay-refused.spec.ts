import { randomUUID } from 'node:crypto';
import { Controller } from '@nestjs/common';
import type { TestingModule } from '@nestjs/testing';
import { OrderConfirmed, OrderCreated } from '@rookery/contracts/order/v1';
import { UserCreated } from '@rookery/contracts/user/v1';
import { Transactions } from '@rookery/database';
import { Unavailable } from '@rookery/errors';
import { Messaging, OnEvent, Outbox, type ReceivedEvent } from '@rookery/messaging';
import { DataSource, type EntityManager } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NatsScenario } from './nats-scenario.fixture.js';
import { operator } from './nats-server.fixture.js';
import { Scenario, soon } from './scenario.fixture.js';
import { effects, metric, orderCreated, waiting } from './services.fixture.js';

function userCreated(shop: TestingModule, id: string): Promise<void> {
  return shop.get(Transactions).run((tx) => shop.get(Outbox).add(tx, UserCreated, { id }, { key: id }));
}

async function left(shop: TestingModule, type: string): Promise<number> {
  const [row] = await shop
    .get(DataSource)
    .query<{ count: number }[]>('SELECT count(*)::int AS count FROM outbox WHERE type = $1', [type]);
  return row!.count;
}

const refusals = (shop: TestingModule) => metric(shop, 'outbox_refused_total');

describe('on NATS, events of a stream that takes none', () => {
  let scenario: NatsScenario;
  let shop: TestingModule;
  let streams: Awaited<ReturnType<typeof operator>>;

  beforeEach(async () => {
    scenario = await NatsScenario.start();
    shop = await scenario.service({ name: 'shop' });
    streams = await operator(scenario.server.url);
    await orderCreated(shop, 'first');
    await userCreated(shop, 'first');
    await soon(async () => expect(await waiting(shop)).toBe(0));
    await limit(10);
  });
  afterEach(async () => {
    await streams.nats.close();
    await scenario.close();
  });

  async function limit(max_msg_size: number): Promise<void> {
    const { config } = await streams.jetstream.streams.info('order_v1');
    await streams.jetstream.streams.update('order_v1', { ...config, max_msg_size });
  }

  /** The orders that the stream holds, in its order, as `id` or `id confirmed`. */
  async function stored(): Promise<string[]> {
    const { messages } = (await streams.jetstream.streams.info('order_v1')).state;
    const read = async (_: unknown, index: number) => {
      const message = await streams.jetstream.streams.getMessage('order_v1', { seq: index + 1 });
      const { id } = OrderCreated.decode(message!.data);
      return message!.subject.endsWith('Confirmed') ? `${id} confirmed` : id;
    };
    return Promise.all(Array.from({ length: messages }, read));
  }

  it('hold up no others, however many they are, and come out in the order of their keys afterwards', async () => {
    const ids = Array.from({ length: 1_500 }, (_, index) => `o-${index}`);
    await shop.get(Transactions).run(async (tx) => {
      for (const id of ids) await shop.get(Outbox).add(tx, OrderCreated, { id }, { key: id });
      for (const id of ids) await shop.get(Outbox).add(tx, UserCreated, { id }, { key: id });
      for (const id of ids) await shop.get(Outbox).add(tx, OrderConfirmed, { id }, { key: id });
    });
    await soon(async () => expect(await refusals(shop)).toBeGreaterThan(1_000));
    for (let n = 0; n < 20; n++) await userCreated(shop, `other-${n}`);
    await soon(async () => {
      const [row] = await shop
        .get(DataSource)
        .query<{ count: number }[]>(`SELECT count(*)::int AS count FROM outbox WHERE key LIKE 'other-%'`);
      expect(row!.count).toBe(0);
    });
    // Whoever has the key of an order waits for it, whatever the type.
    expect(await left(shop, 'user.v1.UserCreated')).toBe(1_500);
    await limit(-1);
    await soon(async () => expect(await waiting(shop)).toBe(0));
    const orders = await stored();
    expect(orders.toSorted()).toEqual(['first', ...ids, ...ids.map((id) => `${id} confirmed`)].toSorted());
    const place = new Map(orders.map((order, index) => [order, index]));
    for (const id of ids) expect(place.get(`${id} confirmed`)).toBeGreaterThan(place.get(id)!);
    expect((await streams.jetstream.streams.info('user_v1')).state.messages).toBe(1_521);
  });

  it('keep nobody out after an outage, though they are what stayed through it', async () => {
    await limit(500_000);
    for (const key of ['poison-1', 'poison-2']) await orderCreated(shop, `${key}${'x'.repeat(600_000)}`, key);
    await soon(async () => expect(await refusals(shop)).toBeGreaterThan(1));
    await scenario.server.stop();
    const ids = Array.from({ length: 1_000 }, (_, index) => `o-${index}`);
    await shop.get(Transactions).run(async (tx) => {
      for (const id of ids) await shop.get(Outbox).add(tx, OrderCreated, { id }, { key: id });
      for (const id of ids) await shop.get(Outbox).add(tx, UserCreated, { id }, { key: id });
    });
    const before = await refusals(shop);
    // Connected, so that everything is tried.
    scenario.server.startPlain();
    await soon(async () => expect(await refusals(shop)).toBeGreaterThan(before + 900));
    await scenario.server.stop();
    scenario.server.start();
    streams = await operator(scenario.server.url);
    await soon(async () => expect(await waiting(shop)).toBe(2));
    expect((await stored()).toSorted()).toEqual(['first', ...ids].toSorted());
  });

  it('hold up no others when it is their size that fills what may be under way', async () => {
    for (let n = 0; n < 17; n++) await orderCreated(shop, `${n}${'x'.repeat(960_000)}`, `large-${n}`);
    await userCreated(shop, 'other');
    await soon(async () => expect(await left(shop, 'user.v1.UserCreated')).toBe(0));
    expect(await left(shop, 'order.v1.OrderCreated')).toBe(17);
    await limit(-1);
    await soon(async () => expect(await waiting(shop)).toBe(0));
  });
});

describe('in process', () => {
  let scenario: Scenario;

  beforeEach(() => {
    scenario = new Scenario();
  });
  afterEach(() => scenario.close());

  it('events whose handlers wait for what is away hold up no others', async () => {
    const natsUrl = `memory://${randomUUID()}`;
    const shop = await scenario.service({
      name: 'shop',
      databaseUrl: await scenario.database(),
      natsUrl,
      relay: false,
    });
    let away = true;
    @Controller()
    class MailController {
      @OnEvent(OrderCreated)
      async orderCreated({ payload }: ReceivedEvent<OrderCreated>, tx: EntityManager): Promise<void> {
        if (away) throw new Unavailable('the mail server is away');
        await tx.query('INSERT INTO effects (what) VALUES ($1)', [payload.id]);
      }
      @OnEvent(OrderConfirmed)
      async orderConfirmed({ payload }: ReceivedEvent<OrderConfirmed>, tx: EntityManager): Promise<void> {
        await tx.query('INSERT INTO effects (what) VALUES ($1)', [payload.id]);
      }
    }
    const databaseUrl = await scenario.database();
    const mail = await scenario.service({ name: 'mail', databaseUrl, natsUrl, controllers: [MailController] });
    const ids = Array.from({ length: 600 }, (_, index) => `o-${index}`);
    await shop.get(Transactions).run(async (tx) => {
      for (const id of ids) await shop.get(Outbox).add(tx, OrderCreated, { id }, { key: id });
      await shop.get(Outbox).add(tx, OrderConfirmed, { id: 'other' }, { key: 'other' });
    });
    shop.get(Messaging).startRelay();
    await soon(async () => expect(await effects(mail)).toEqual(['other']));
    away = false;
    await soon(async () => expect(await waiting(shop)).toBe(0));
    expect((await effects(mail)).toSorted()).toEqual(['other', ...ids].toSorted());
  });
});
