import { Controller } from '@nestjs/common';
import { jetstream as streams } from '@nats-io/jetstream';
import { headers as newHeaders } from '@nats-io/transport-node';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { OnEvent, type ReceivedEvent } from '@rookery/messaging';
import type { EntityManager } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NatsScenario } from './nats-scenario.fixture.js';
import { operator } from './nats-server.fixture.js';
import { soon } from './scenario.fixture.js';
import { deliveries, effects, orderCreated } from './services.fixture.js';

const insert = (tx: EntityManager, what: string) => tx.query('INSERT INTO effects (what) VALUES ($1)', [what]);

type Handle = (event: ReceivedEvent<OrderCreated>, tx: EntityManager) => Promise<unknown>;

/** Handlers, and what two events come to with each. */
const HANDLERS: [string, Handle, string[]][] = [
  ['has an effect', ({ payload }, tx) => insert(tx, payload.id), ['o-1', 'o-2']],
  ['has none', async () => undefined, []],
  [
    'swallows what its statements say',
    ({ payload }, tx) => insert(tx, payload.id).catch(() => undefined),
    ['o-1', 'o-2'],
  ],
];

describe('a copy of an event that the stream has taken for another', () => {
  let scenario: NatsScenario;
  let began: string[] = [];

  beforeEach(async () => {
    scenario = await NatsScenario.start();
    began = [];
  });
  afterEach(() => scenario.close());

  const start = async (handle: Handle) => {
    @Controller()
    class Mail {
      @OnEvent(OrderCreated)
      async orderCreated(event: ReceivedEvent<OrderCreated>, tx: EntityManager): Promise<void> {
        began.push(event.payload.id);
        await handle(event, tx);
      }
    }
    const shop = await scenario.service({ name: 'shop-service' });
    return { shop, mail: await scenario.service({ name: 'mail-service', controllers: [Mail] }) };
  };

  /** Stores the first event once more, without what NATS would know it by. @param age of the event, in milliseconds */
  const copy = async (age: number) => {
    const { nats, jetstream } = await operator(scenario.server.url);
    const stored = (await jetstream.streams.getMessage('order_v1', { seq: 1 }))!;
    const headers = newHeaders();
    for (const [name, [value]] of stored.header) if (!name.startsWith('Nats-')) headers.set(name, value!);
    headers.set('ce-time', new Date(Date.now() - age).toISOString());
    await streams(nats).publish(stored.subject, stored.data, { headers });
    await nats.close();
  };

  it.each(HANDLERS)('has no second effect when its handler %s', async (_, handle, made) => {
    const { shop, mail } = await start(handle);
    await orderCreated(shop, 'o-1');
    await soon(async () => expect(await deliveries(mail, 'handled')).toBe(1));
    await copy(0);
    await soon(async () => expect(await deliveries(mail, 'duplicate')).toBe(1));
    await orderCreated(shop, 'o-2');
    await soon(async () => expect(await deliveries(mail, 'handled')).toBe(2));
    expect(await effects(mail)).toEqual(made);
    expect(await deliveries(mail, 'retry')).toBe(0);
  });

  it('does not reach the handler when the event is old, as one that is published twice is', async () => {
    const { shop, mail } = await start(({ payload }, tx) => insert(tx, payload.id));
    await orderCreated(shop, 'o-1');
    await soon(async () => expect(await deliveries(mail, 'handled')).toBe(1));
    await copy(3 * 60 * 1_000);
    await soon(async () => expect(await deliveries(mail, 'duplicate')).toBe(1));
    expect(began).toEqual(['o-1']);
    expect(await effects(mail)).toEqual(['o-1']);
  });

  it('waits for the first when both are handled at once', async () => {
    let goOn = () => {};
    const bothBegan = new Promise<void>((resolve) => (goOn = resolve));
    const { shop, mail } = await start(async ({ payload }, tx) => {
      if (began.length === 1) await bothBegan;
      await insert(tx, payload.id);
    });
    await orderCreated(shop, 'o-1');
    await soon(() => expect(began).toHaveLength(1));
    await copy(0);
    await soon(() => expect(began).toHaveLength(2));
    goOn();
    await soon(async () => expect(await deliveries(mail, 'duplicate')).toBe(1));
    expect(await deliveries(mail, 'handled')).toBe(1);
    expect(await effects(mail)).toEqual(['o-1']);
  });
});
