import { Controller } from '@nestjs/common';
import { jetstream as jetstreamOf } from '@nats-io/jetstream';
import { callContext } from '@rookery/context';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { Unavailable } from '@rookery/errors';
import { OnEvent, type ReceivedEvent } from '@rookery/messaging';
import type { EntityManager } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NatsScenario } from './nats-scenario.fixture.js';
import { operator } from './nats-server.fixture.js';
import { soon } from './scenario.fixture.js';
import { deliveries, effectController, effects, orderCreated } from './services.fixture.js';

describe('what is not the fault of an event does not count against it', () => {
  let scenario: NatsScenario;

  beforeEach(async () => {
    scenario = await NatsScenario.start();
  });
  afterEach(() => scenario.close());

  it.each([undefined, 'key'] as const)('an outage before a failure, ordered: %s', async (ordered) => {
    let tries = 0;
    @Controller()
    class Mail {
      @OnEvent(OrderCreated, { ordered, maxDeliveries: 2 })
      async created({ payload }: ReceivedEvent<OrderCreated>, tx: EntityManager): Promise<void> {
        await tx.query('INSERT INTO effects (what) VALUES ($1)', [payload.id]);
        tries++;
        if (tries <= 5) throw new Unavailable('the mail server is away');
        if (tries === 6) throw new Error('a hiccup while it comes back');
      }
    }
    const shop = await scenario.service({ name: 'shop-service' });
    const mail = await scenario.service({ name: 'mail-service', controllers: [Mail] });
    await orderCreated(shop, 'o-1');
    await soon(async () => expect(await effects(mail)).toEqual(['o-1']));
    expect(tries).toBe(7);
    expect(await deliveries(mail, 'dead')).toBe(0);
  });

  it('stops of the service that gave it back', async () => {
    const databaseUrl = await scenario.database();
    const shop = await scenario.service({ name: 'shop-service' });
    let begun = 0;
    @Controller()
    class Mail {
      @OnEvent(OrderCreated, { maxDeliveries: 3 })
      async created({ payload }: ReceivedEvent<OrderCreated>, tx: EntityManager): Promise<void> {
        await tx.query('INSERT INTO effects (what) VALUES ($1)', [payload.id]);
        if (++begun <= 3) await new Promise((resolve) => callContext()!.signal!.addEventListener('abort', resolve));
        if (begun <= 5) throw new Error('no such customer');
      }
    }
    const env = { EVENTS_DRAIN_TIMEOUT: '50ms' };
    const mail = () => scenario.service({ name: 'mail-service', databaseUrl, controllers: [Mail], env });
    await orderCreated(shop, 'o-1');
    for (const stop of [1, 2, 3]) {
      const replica = await mail();
      await soon(() => expect(begun).toBe(stop));
      await replica.close();
    }
    const last = await mail();
    await soon(async () => expect(await effects(last)).toEqual(['o-1']));
    expect(await deliveries(last, 'dead')).toBe(0);
  });

  it('replicas that gave it back before they began it', async () => {
    const databaseUrl = await scenario.database();
    let tries = 0;
    const hook = () => {
      if (++tries <= 2) throw new Error('no such customer');
    };
    const env = { EVENTS_MAX_DELIVERIES: '3', EVENTS_BACKOFF_LONGEST: '1m' };
    const mail = () =>
      scenario.service({ name: 'mail-service', databaseUrl, controllers: [effectController(hook)], env });
    const shop = await scenario.service({ name: 'shop-service' });
    const first = await mail();
    await orderCreated(shop, 'o-1');
    await soon(async () => expect(await effects(first)).toEqual(['o-1']));
    await first.close();
    tries = 0;
    await orderCreated(shop, 'o-2');
    const { nats, jetstream } = await operator(scenario.server.url);
    const info = await jetstream.consumers.info('order_v1', 'mail-service__order_v1_OrderCreated');
    const consumer = jetstreamOf(nats).consumers.getConsumerFromInfo(info);
    for (let count = 0; count < 12; count++) (await consumer.next({ expires: 5_000 }))!.nak();
    await nats.flush();
    await nats.close();
    // After twelve failures it would wait for more than a minute, and be dead long before.
    const second = await mail();
    await soon(async () => expect(await effects(second)).toEqual(['o-1', 'o-2']));
    expect(tries).toBe(3);
    expect(await deliveries(second, 'dead')).toBe(0);
  });

  it('and its own failures do, in spite of outages in between', async () => {
    let tries = 0;
    const { shop, mail } = await scenario.shopAndMail(
      () => {
        throw ++tries % 2 ? new Unavailable('the mail server is away') : new Error('no such customer');
      },
      { EVENTS_MAX_DELIVERIES: '3' },
    );
    await orderCreated(shop, 'o-1');
    await soon(async () => expect(await deliveries(mail, 'dead')).toBe(1));
    expect(tries).toBe(6);
  });
});
