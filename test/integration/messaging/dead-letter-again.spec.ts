import { randomUUID } from 'node:crypto';
import { DiscardPolicy, jetstream as jetstreamOf } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import { Controller } from '@nestjs/common';
import { OrderConfirmed, OrderCreated } from '@rookery/contracts/order/v1';
import { Unavailable } from '@rookery/errors';
import { type DeadLetter, EventsOperator, OnEvent, type ReceivedEvent } from '@rookery/messaging';
import { DataSource, type EntityManager } from 'typeorm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runEvents } from '../../../tools/events/run-events.js';
import { NatsScenario } from './nats-scenario.fixture.js';
import { operator } from './nats-server.fixture.js';
import { soon } from './scenario.fixture.js';
import { deliveries, effectController, effects, orderCreated } from './services.fixture.js';

let scenario: NatsScenario;
let databaseUrl: string;
let events: EventsOperator;

beforeEach(async () => {
  scenario = await NatsScenario.start();
  databaseUrl = await scenario.database();
  events = await soon(() => EventsOperator.connect(scenario.server.url));
});
afterEach(async () => {
  await events.close();
  await scenario.close();
});

const letters = (count: number) =>
  soon(async () => {
    const found = await events.deadLetters.list();
    expect(found).toHaveLength(count);
    return found;
  });

const replay = (all: readonly DeadLetter[]) =>
  Promise.all(all.map(({ sequence }) => events.deadLetters.replay(sequence)));

it.each([undefined, 'key'] as const)('what comes again is left to its replay, ordered: %s', async (ordered) => {
  let mended = false;
  @Controller()
  class Mail {
    @OnEvent(OrderCreated, { ordered, maxDeliveries: 2 })
    async created({ payload }: ReceivedEvent<OrderCreated>, tx: EntityManager): Promise<void> {
      if (payload.id === 'bad' && !mended) throw new Error('no such customer');
      await tx.query('INSERT INTO effects (what) VALUES ($1)', [payload.id]);
    }
  }
  const shop = await scenario.service({ name: 'shop-service' });
  const mail = await scenario.service({ name: 'mail-service', controllers: [Mail] });
  await orderCreated(shop, 'bad', 'key');
  await orderCreated(shop, 'next', 'key');
  await soon(async () => expect(await effects(mail)).toEqual(['next']));
  const dead = await letters(1);
  mended = true;

  // A consumer that is made anew gets everything from the beginning.
  const { nats, jetstream } = await operator(scenario.server.url);
  for await (const { name } of jetstream.consumers.list('order_v1')) await jetstream.consumers.delete('order_v1', name);
  await nats.close();
  await soon(async () => expect(await deliveries(mail, 'duplicate')).toBe(2));
  expect(await effects(mail)).toEqual(['next']);

  await replay(dead);
  await soon(async () => expect(await effects(mail)).toEqual(['next', 'bad']));
});

it('an ordered one does not come back to life when another replica takes over', async () => {
  let mended = false;
  @Controller()
  class Mail {
    @OnEvent(OrderCreated, { ordered: 'key', maxDeliveries: 2 })
    async created({ payload }: ReceivedEvent<OrderCreated>, tx: EntityManager): Promise<void> {
      if (payload.id === 'stuck') throw new Unavailable('the mail server is away');
      if (payload.id === 'bad' && !mended) throw new Error('no such customer');
      await tx.query('INSERT INTO effects (what) VALUES ($1)', [payload.id]);
    }
  }
  const shop = await scenario.service({ name: 'shop-service' });
  const mail = await scenario.service({ name: 'mail-service', databaseUrl, controllers: [Mail] });
  await orderCreated(shop, 'stuck', 'another key');
  await orderCreated(shop, 'bad', 'key');
  await orderCreated(shop, 'next', 'key');
  await soon(async () => expect(await effects(mail)).toEqual(['next']));
  await letters(1);
  mended = true;

  const before = await holder();
  await scenario.query('SELECT pg_terminate_backend($1)', [before]);
  await soon(async () => expect([undefined, before]).not.toContain(await holder()));
  await orderCreated(shop, 'last', 'key');
  await soon(async () => expect(await effects(mail)).toEqual(['next', 'last']));
});

async function holder(): Promise<number | undefined> {
  const [row] = await scenario.query<{ pid: number }>(
    `SELECT a.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 7665 AND l.objsubid = 2 AND a.datname = $1`,
    [new URL(databaseUrl).pathname.slice(1)],
  );
  return row?.pid;
}

/** An event of somebody else's. */
async function publish(order: { id: string }): Promise<void> {
  const { nats } = await operator(scenario.server.url);
  const attributes = headers();
  attributes.set('ce-specversion', '1.0');
  attributes.set('ce-id', randomUUID());
  attributes.set('ce-type', OrderCreated.$type);
  const payload = OrderCreated.encode(OrderCreated.fromPartial(order)).finish();
  await soon(() => jetstreamOf(nats).publish(OrderCreated.$type, payload, { headers: attributes }));
  await nats.close();
}

it.each([
  ['its stack', 1_045_500],
  ['its payload, which stays where it is', 1_047_500],
])('one that is too large is kept without %s', async (_, size) => {
  const reason = 'no such customer '.repeat(60);
  const hook = () => {
    throw new Error(reason);
  };
  const env = { EVENTS_MAX_DELIVERIES: '2' };
  await scenario.service({ name: 'mail-service', controllers: [effectController(hook)], env });
  await publish({ id: 'x'.repeat(size) });
  const [letter] = await letters(1);
  const kept = size === 1_045_500;
  expect(letter!.stack === undefined).toBe(kept);
  expect(letter!.reason).toContain('no such customer');
  expect(letter!.payloadIn).toBe(kept ? undefined : 'message 1 of order_v1');
  const shown = JSON.parse(await runEvents(['dead', 'show', '1'], scenario.server.url)) as Record<string, unknown>;
  expect(shown).toMatchObject({ payload: { id: 'x'.repeat(size) }, ...(kept ? {} : { payloadIn: letter!.payloadIn }) });
  await replay([letter!]);
  await soon(async () => expect((await events.deadLetters.list())[0]?.sequence).toBe(2));
});

it('one whose payload is gone says so, and is replayed only with another one', async () => {
  const hook = () => {
    throw new Error('no such customer '.repeat(60));
  };
  const env = { EVENTS_MAX_DELIVERIES: '1' };
  await scenario.service({ name: 'mail-service', controllers: [effectController(hook)], env });
  await publish({ id: 'x'.repeat(1_047_500) });
  await letters(1);
  const { nats, jetstream } = await operator(scenario.server.url);
  await jetstream.streams.purge('order_v1');
  await nats.close();
  const shown = JSON.parse(await runEvents(['dead', 'show', '1'], scenario.server.url)) as Record<string, unknown>;
  expect(shown.payloadIn).toBe('message 1 of order_v1, which is gone');
  await expect(events.deadLetters.replay(1)).rejects.toThrow('its payload is gone');
  await events.deadLetters.replay(1, OrderCreated.encode(OrderCreated.fromPartial({ id: 'small' })).finish());
  await soon(async () => expect((await events.deadLetters.list())[0]?.sequence).toBe(2));
});

it('a replay waits for a replica that knows its type', async () => {
  @Controller()
  class Old {
    @OnEvent(OrderConfirmed)
    async confirmed(): Promise<void> {}
  }
  let broken = true;
  @Controller()
  class New {
    @OnEvent(OrderCreated, { maxDeliveries: 1 })
    async created({ payload }: ReceivedEvent<OrderCreated>, tx: EntityManager): Promise<void> {
      if (broken) throw new Error('no such customer');
      await tx.query('INSERT INTO effects (what) VALUES ($1)', [payload.id]);
    }
  }
  const env = { EVENTS_MAX_DELIVERIES: '1000' };
  const mail = (controller: typeof Old | typeof New) =>
    scenario.service({ name: 'mail-service', databaseUrl, controllers: [controller], env });
  const shop = await scenario.service({ name: 'shop-service' });
  const first = await mail(New);
  const ids = ['o-1', 'o-2', 'o-3', 'o-4'];
  for (const id of ids) await orderCreated(shop, id);
  const dead = await letters(4);
  await first.close();
  broken = false;

  await mail(Old);
  await replay(dead);
  const { nats, jetstream } = await operator(scenario.server.url);
  await soon(async () => {
    const { num_redelivered: again } = await jetstream.consumers.info('replays', 'mail-service__replays');
    expect(again).toBe(4);
  });
  await nats.close();
  const second = await mail(New);
  await soon(async () => expect((await effects(second)).sort()).toEqual(ids));
  expect(await events.deadLetters.list()).toEqual([]);
});

it('a replay of a type that no replica knows is a dead letter again', async () => {
  @Controller()
  class Old {
    @OnEvent(OrderConfirmed)
    async confirmed(): Promise<void> {}
  }
  const shop = await scenario.service({ name: 'shop-service' });
  const env = { EVENTS_MAX_DELIVERIES: '2' };
  const failing = effectController(() => {
    throw new Error('no such customer');
  });
  const first = await scenario.service({ name: 'mail-service', databaseUrl, controllers: [failing], env });
  await orderCreated(shop, 'o-1');
  const dead = await letters(1);
  await first.close();
  await scenario.service({ name: 'mail-service', databaseUrl, controllers: [Old], env });
  await replay(dead);
  await soon(async () => {
    const [letter] = await events.deadLetters.list();
    expect(letter?.reason).toBe('mail-service has no handler of order.v1.OrderCreated');
    expect(letter?.attempts).toBe(2);
  });
});

it('while the letter cannot be stored, the event is tried once for each attempt to store it', async () => {
  const { nats, jetstream } = await operator(scenario.server.url);
  const stream = { name: 'dead_letters', subjects: ['dead.>'], discard: DiscardPolicy.New };
  await jetstream.streams.add({ ...stream, max_bytes: 1 });
  let tries = 0;
  const hook = () => {
    tries++;
    throw new Error('no such customer');
  };
  const { shop, mail } = await scenario.shopAndMail(hook, { EVENTS_MAX_DELIVERIES: '4' });
  await orderCreated(shop, 'o-1');
  await soon(async () => expect(await deliveries(mail, 'dead')).toBeGreaterThan(3));
  expect(tries - (await deliveries(mail, 'dead'))).toBeLessThanOrEqual(4);
  expect(await deliveries(mail, 'retry')).toBe(3);
  await jetstream.streams.update('dead_letters', { ...stream, max_bytes: 1_000_000 });
  await nats.close();

  // Its failures are forgotten with it.
  const dead = await letters(1);
  const before = await deliveries(mail, 'retry');
  await replay(dead);
  await letters(1);
  await soon(async () => expect(await deliveries(mail, 'retry')).toBe(before + 3));
});

it('an event that is replayed is remembered as long as one that is handled then', async () => {
  let mended = false;
  const hook = () => {
    if (!mended) throw new Error('no such customer');
  };
  const { shop, mail } = await scenario.shopAndMail(hook, { EVENTS_MAX_DELIVERIES: '1' });
  await orderCreated(shop, 'o-1');
  const dead = await letters(1);
  const inbox = (statement: string) => mail.get(DataSource).query<{ age: number }[]>(statement);
  await soon(async () => expect(await inbox('SELECT FROM inbox')).toHaveLength(2));
  await inbox("UPDATE inbox SET received_at = received_at - interval '191 hours'");
  mended = true;
  await replay(dead);
  await soon(async () => expect(await effects(mail)).toEqual(['o-1']));
  const [entry, ...others] = await inbox('SELECT extract(epoch FROM now() - received_at)::int AS age FROM inbox');
  expect(others).toEqual([]);
  expect(entry!.age).toBeLessThan(60);
});
