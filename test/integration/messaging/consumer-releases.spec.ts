import { Controller } from '@nestjs/common';
import type { TestingModule } from '@nestjs/testing';
import { OrderConfirmed, OrderCreated } from '@rookery/contracts/order/v1';
import { Transactions } from '@rookery/database';
import { Unavailable } from '@rookery/errors';
import { OnEvent, Outbox, type ReceivedEvent } from '@rookery/messaging';
import type { EntityManager } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NatsScenario } from './nats-scenario.fixture.js';
import { soon } from './scenario.fixture.js';
import { deliveries, effects, orderCreated } from './services.fixture.js';

const effect = async (tx: EntityManager, what: string): Promise<void> => {
  await tx.query('INSERT INTO effects (what) VALUES ($1)', [what]);
};

@Controller()
class OnlyCreated {
  @OnEvent(OrderCreated, { ordered: 'key' })
  created({ payload }: ReceivedEvent<OrderCreated>, tx: EntityManager): Promise<void> {
    return effect(tx, `${payload.id} created`);
  }
}

@Controller()
class Both {
  @OnEvent(OrderCreated, { ordered: 'key' })
  created({ payload }: ReceivedEvent<OrderCreated>, tx: EntityManager): Promise<void> {
    return effect(tx, `${payload.id} created`);
  }

  @OnEvent(OrderConfirmed, { ordered: 'key' })
  confirmed({ payload }: ReceivedEvent<OrderConfirmed>, tx: EntityManager): Promise<void> {
    return effect(tx, `${payload.id} confirmed`);
  }
}

/** As `Both`, but with one that is not ordered, and whose dependency is away. */
@Controller()
class CreatedInAnyOrder {
  @OnEvent(OrderCreated)
  async created({ payload }: ReceivedEvent<OrderCreated>, tx: EntityManager): Promise<void> {
    if (payload.id === 'waits') throw new Unavailable('the mail server is away');
    await effect(tx, `${payload.id} created`);
  }

  @OnEvent(OrderConfirmed, { ordered: 'key' })
  confirmed({ payload }: ReceivedEvent<OrderConfirmed>, tx: EntityManager): Promise<void> {
    return effect(tx, `${payload.id} confirmed`);
  }
}

describe('no event is lost when a version of a service', () => {
  let scenario: NatsScenario;
  let databaseUrl: string;
  let shop: TestingModule;
  let current: TestingModule;

  beforeEach(async () => {
    scenario = await NatsScenario.start();
    databaseUrl = await scenario.database();
    shop = await scenario.service({ name: 'shop-service' });
  });
  afterEach(() => scenario.close());

  const mail = (...controllers: (typeof Both | typeof OnlyCreated | typeof CreatedInAnyOrder)[]) =>
    scenario.service({ name: 'mail-service', databaseUrl, controllers });
  const confirmed = (id: string) =>
    shop.get(Transactions).run((tx) => shop.get(Outbox).add(tx, OrderConfirmed, { id }, { key: id }));
  const sorted = async () => (await effects(current)).sort();

  it('orders a handler that was not ordered', async () => {
    const before = (current = await mail(CreatedInAnyOrder));
    await orderCreated(shop, 'waits');
    await orderCreated(shop, 'fine');
    await confirmed('fine');
    // By then the consumer of the ordered handler has passed the event that waits.
    await soon(async () => expect(await sorted()).toEqual(['fine confirmed', 'fine created']));
    await before.close();
    await orderCreated(shop, 'meanwhile');
    current = await mail(Both);
    const all = ['fine confirmed', 'fine created', 'meanwhile created', 'waits created'];
    await soon(async () => expect(await sorted()).toEqual(all));
  });

  it('adds an ordered handler while the version before still runs', async () => {
    const before = await mail(OnlyCreated);
    current = await mail(Both);
    await confirmed('during');
    await orderCreated(shop, 'mark');
    await soon(async () => expect(await sorted()).toContain('mark created'));
    await before.close();
    await confirmed('after');
    const all = ['after confirmed', 'during confirmed', 'mark created'];
    await soon(async () => expect(await sorted()).toEqual(all));
  });

  it('is rolled back to one with fewer ordered handlers, and rolled out again', async () => {
    const first = (current = await mail(Both));
    await confirmed('first');
    await soon(async () => expect(await sorted()).toEqual(['first confirmed']));
    await first.close();
    const back = (current = await mail(OnlyCreated));
    await confirmed('second');
    await orderCreated(shop, 'mark');
    await soon(async () => expect(await sorted()).toEqual(['first confirmed', 'mark created']));
    await back.close();
    current = await mail(Both);
    await soon(async () => expect(await sorted()).toEqual(['first confirmed', 'mark created', 'second confirmed']));
    // What others have settled, the inbox is not asked for.
    await orderCreated(shop, 'end');
    await soon(async () => expect(await sorted()).toContain('end created'));
    expect(await deliveries(current, 'duplicate')).toBe(0);
  });
});
