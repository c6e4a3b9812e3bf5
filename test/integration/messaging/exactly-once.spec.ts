import { jetstream as jetstreamOf } from '@nats-io/jetstream';
import { headers as natsHeaders } from '@nats-io/transport-node';
import { Controller } from '@nestjs/common';
import { runWithContext } from '@rookery/context';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { Transactions } from '@rookery/database';
import { OnEvent, Outbox, type ReceivedEvent } from '@rookery/messaging';
import type { EntityManager } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NatsScenario } from './nats-scenario.fixture.js';
import { operator } from './nats-server.fixture.js';
import { soon } from './scenario.fixture.js';
import { deliveries, effects, orderCreated, waiting } from './services.fixture.js';

const CONSUMER = 'mail-service__order_v1_OrderCreated';

describe('an event has its effect exactly once', () => {
  let scenario: NatsScenario;

  beforeEach(async () => {
    scenario = await NatsScenario.start();
  });
  afterEach(() => scenario.close());

  it('although it is delivered twice', async () => {
    const { shop, mail } = await scenario.shopAndMail();
    await orderCreated(shop, 'o-1');
    await soon(async () => expect(await effects(mail)).toEqual(['o-1']));
    expect(await deliveries(mail, 'handled')).toBe(1);

    // A consumer that is created anew gets everything from the beginning.
    const { nats, jetstream } = await operator(scenario.server.url);
    await jetstream.consumers.delete('order_v1', CONSUMER);
    await nats.close();
    await soon(async () => expect(await deliveries(mail, 'duplicate')).toBe(1));
    await orderCreated(shop, 'o-2');
    await soon(async () => expect(await effects(mail)).toEqual(['o-1', 'o-2']));
    expect(await deliveries(mail, 'handled')).toBe(2);
    await soon(async () => expect(await waiting(shop)).toBe(0));
  });

  it('although the relay missed the acknowledgement and publishes it again', async () => {
    const { shop, mail } = await scenario.shopAndMail();
    const add = (what: string) => orderCreated(shop, what);
    await add('o-1');
    await soon(async () => expect(await effects(mail)).toEqual(['o-1']));
    const { nats, jetstream } = await operator(scenario.server.url);
    const stored = await jetstream.streams.getMessage('order_v1', { seq: 1 });
    const id = stored!.header.get('ce-id');
    // The row as it was before it was deleted.
    const headers = Object.fromEntries([...stored!.header].map(([name, [value]]) => [name, value]));
    await shop
      .get(Transactions)
      .run((tx) =>
        tx.query('INSERT INTO outbox (id, type, key, headers, payload) VALUES ($1, $2, $3, $4, $5)', [
          id,
          OrderCreated.$type,
          'o-1',
          JSON.stringify(headers),
          Buffer.from(stored!.data),
        ]),
      );
    await soon(async () => expect(await waiting(shop)).toBe(0));
    await add('o-2');
    await soon(async () => expect(await effects(mail)).toEqual(['o-1', 'o-2']));
    expect((await jetstream.streams.info('order_v1')).state.messages).toBe(2);
    await nats.close();
  });

  it('although its handler failed after the effect', async () => {
    const attempts: number[] = [];
    const { shop, mail } = await scenario.shopAndMail(({ attempt }) => {
      attempts.push(attempt);
      if (attempt < 3) throw new Error('the mail server is on fire');
    });
    await orderCreated(shop, 'o-1');
    await soon(async () => expect(await effects(mail)).toEqual(['o-1']));
    expect(attempts).toEqual([1, 2, 3]);
    expect(await deliveries(mail, 'retry')).toBe(2);
  });

  it('although its handler takes longer than the acknowledgement may', async () => {
    const started: number[] = [];
    const { shop, mail } = await scenario.shopAndMail(async ({ time }) => {
      started.push(time.getTime());
      const end = Date.now() + 5_000;
      await soon(() => expect(Date.now()).toBeGreaterThan(end));
    });
    await orderCreated(shop, 'o-1');
    await soon(async () => expect(await effects(mail)).toEqual(['o-1']));
    expect(started).toHaveLength(1);
    expect(await deliveries(mail, 'duplicate')).toBe(0);
  });

  it('and none when the transaction is rolled back', async () => {
    const { shop, mail } = await scenario.shopAndMail();
    const outbox = shop.get(Outbox);
    const failing = shop.get(Transactions).run(async (tx) => {
      await outbox.add(tx, OrderCreated, { id: 'never' });
      throw new Error('the card was declined');
    });
    await expect(failing).rejects.toThrow('the card was declined');
    await orderCreated(shop, 'o-1');
    await soon(async () => expect(await effects(mail)).toEqual(['o-1']));
    const { nats, jetstream } = await operator(scenario.server.url);
    expect((await jetstream.streams.info('order_v1')).state.messages).toBe(1);
    await nats.close();
  });

  it('although a later one was committed, and published, before it', async () => {
    const { shop, mail } = await scenario.shopAndMail();
    let added = () => {};
    let commit = () => {};
    const isAdded = new Promise<void>((resolve) => (added = resolve));
    const mayCommit = new Promise<void>((resolve) => (commit = resolve));
    const slow = shop.get(Transactions).run(async (tx) => {
      await shop.get(Outbox).add(tx, OrderCreated, { id: 'early' });
      added();
      await mayCommit;
    });
    await isAdded;
    await orderCreated(shop, 'late');
    await soon(async () => expect(await effects(mail)).toEqual(['late']));
    await soon(async () => expect(await waiting(shop)).toBe(0));
    commit();
    await slow;
    await soon(async () => expect(await effects(mail)).toEqual(['late', 'early']));
  });

  it('although its publisher gave it an id that is no UUID, and no time', async () => {
    const { shop, mail } = await scenario.shopAndMail();
    await orderCreated(shop, 'o-1');
    await soon(async () => expect(await effects(mail)).toEqual(['o-1']));
    const { nats } = await operator(scenario.server.url);
    const publish = async (source: string) => {
      const headers = natsHeaders();
      headers.set('ce-specversion', '1.0');
      headers.set('ce-id', 'A234-1234-1234');
      headers.set('ce-type', OrderCreated.$type);
      headers.set('ce-source', source);
      const payload = OrderCreated.encode(OrderCreated.fromPartial({ id: `of ${source}` })).finish();
      await jetstreamOf(nats).publish(OrderCreated.$type, payload, { headers });
    };
    await publish('erp');
    await publish('erp');
    await publish('crm');
    await soon(async () => expect(await deliveries(mail, 'duplicate')).toBe(1));
    await soon(async () => expect((await effects(mail)).sort()).toEqual(['o-1', 'of crm', 'of erp']));
    await nats.close();
  });

  it('and none when its handler swallowed the failure of a statement', async () => {
    @Controller()
    class Swallowing {
      @OnEvent(OrderCreated)
      async orderCreated({ payload }: ReceivedEvent<OrderCreated>, tx: EntityManager): Promise<void> {
        await tx.query('INSERT INTO effects (what) VALUES ($1)', [payload.id]);
        // PostgreSQL does nothing more in this transaction, and answers its COMMIT with ROLLBACK.
        await tx.query('SELECT 1 / 0').catch(() => undefined);
      }
    }
    const shop = await scenario.service({ name: 'shop-service' });
    const env = { EVENTS_MAX_DELIVERIES: '2' };
    const mail = await scenario.service({ name: 'mail-service', controllers: [Swallowing], env });
    await orderCreated(shop, 'o-1');
    await soon(async () => expect(await deliveries(mail, 'dead')).toBe(1));
    expect(await deliveries(mail, 'retry')).toBe(1);
    expect(await deliveries(mail, 'handled')).toBe(0);
    expect(await effects(mail)).toEqual([]);
  });

  it('and its handler knows which call led to it', async () => {
    const seen: ReceivedEvent<OrderCreated>[] = [];
    const { shop } = await scenario.shopAndMail((event) => void seen.push(event));
    const call = { requestId: 'r-42', signal: new AbortController().signal };
    await runWithContext(call, () => orderCreated(shop, 'o-1', 'key-1'));
    await soon(() => expect(seen).toHaveLength(1));
    expect(seen[0]).toMatchObject({
      type: 'order.v1.OrderCreated',
      source: 'shop-service',
      key: 'key-1',
      requestId: 'r-42',
      attempt: 1,
      payload: { id: 'o-1', userId: 'u-1' },
    });
  });

  it('in the order of the outbox on the stream', async () => {
    const { shop } = await scenario.shopAndMail();
    const ids = Array.from({ length: 250 }, (_, index) => `o-${index}`);
    for (const id of ids) await orderCreated(shop, id);
    const { nats, jetstream } = await operator(scenario.server.url);
    await soon(async () => expect((await jetstream.streams.info('order_v1')).state.messages).toBe(ids.length));
    const stored = await Promise.all(
      ids.map((_, index) => jetstream.streams.getMessage('order_v1', { seq: index + 1 })),
    );
    expect(stored.map((message) => OrderCreated.decode(message!.data).id)).toEqual(ids);
    await nats.close();
  });

  it('is not to be had without a transaction', async () => {
    const { shop } = await scenario.shopAndMail();
    const { manager } = shop.get(Transactions)['dataSource'];
    await expect(shop.get(Outbox).add(manager, OrderCreated, {})).rejects.toThrow('the outbox got no transaction');
  });
});
