import { Controller, type Type } from '@nestjs/common';
import type { TestingModule } from '@nestjs/testing';
import { OrderConfirmed, OrderCreated } from '@rookery/contracts/order/v1';
import { Transactions } from '@rookery/database';
import { OnEvent, Outbox, type ReceivedEvent } from '@rookery/messaging';
import type { EntityManager } from 'typeorm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NatsScenario } from './nats-scenario.fixture.js';
import { operator } from './nats-server.fixture.js';
import { soon } from './scenario.fixture.js';
import { effects } from './services.fixture.js';

const LEASE_HOLDERS = `
  SELECT a.pid, a.application_name AS name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
  WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 7665 AND l.objsubid = 2 AND a.datname = $1`;

type Hook = (what: string, attempt: number) => Promise<void> | void;

/** Writes `<order> created` and `<order> confirmed` into the effects, in the order of each order. */
function orderedController(hook: Hook = () => undefined): Type {
  @Controller()
  class Ordered {
    @OnEvent(OrderCreated, { ordered: 'key', concurrency: 8 })
    created(event: ReceivedEvent<OrderCreated>, tx: EntityManager): Promise<void> {
      return this.effect(`${event.payload.id} created`, event.attempt, tx);
    }

    @OnEvent(OrderConfirmed, { ordered: 'key', concurrency: 8 })
    confirmed(event: ReceivedEvent<OrderConfirmed>, tx: EntityManager): Promise<void> {
      return this.effect(`${event.payload.id} confirmed`, event.attempt, tx);
    }

    private async effect(what: string, attempt: number, tx: EntityManager): Promise<void> {
      await tx.query('INSERT INTO effects (what) VALUES ($1)', [what]);
      await hook(what, attempt);
    }
  }
  return Ordered;
}

let scenario: NatsScenario;
let mailDatabase: string;
let shop: TestingModule;

beforeEach(async () => {
  scenario = await NatsScenario.start();
  mailDatabase = await scenario.database();
  shop = await scenario.service({ name: 'shop-service' });
});
afterEach(() => scenario.close());

function mail(hook?: Hook): Promise<TestingModule> {
  const controllers = [orderedController(hook)];
  return scenario.service({ name: 'mail-service', databaseUrl: mailDatabase, controllers });
}

/** An order that is created and confirmed. */
function order(id: string): Promise<void> {
  const outbox = shop.get(Outbox);
  return shop.get(Transactions).run(async (tx) => {
    await outbox.add(tx, OrderCreated, { id }, { key: id });
    await outbox.add(tx, OrderConfirmed, { id }, { key: id });
  });
}

const both = (id: string) => [`${id} created`, `${id} confirmed`];
const of = (all: string[], id: string) => all.filter((what) => what.startsWith(`${id} `));
const holders = async () =>
  scenario.query<{ pid: number; name: string }>(LEASE_HOLDERS, [new URL(mailDatabase).pathname.slice(1)]);

it('a failing event holds back those of its key, over types, and no others', async () => {
  let mended = false;
  const failed: number[] = [];
  const one = await mail((what, attempt) => {
    if (what !== 'bad created' || mended) return;
    failed.push(attempt);
    throw new Error('no such customer');
  });
  await order('bad');
  await order('good');
  await soon(async () => expect(of(await effects(one), 'good')).toEqual(both('good')));
  await soon(() => expect(failed.slice(0, 3)).toEqual([1, 2, 3]));
  expect(of(await effects(one), 'bad')).toEqual([]);
  mended = true;
  await soon(async () => expect(of(await effects(one), 'bad')).toEqual(both('bad')));
});

it('one replica handles them, another goes on in order when it loses its session with events unsettled', async () => {
  let blocked = true;
  const hook: Hook = (what) => {
    if (what === 'stuck created' && blocked) throw new Error('not yet');
  };
  const first = await mail(hook);
  await soon(async () => expect(await holders()).toHaveLength(1));
  const second = await mail(hook);
  await order('stuck');
  const ids = Array.from({ length: 20 }, (_, index) => `o-${index}`);
  for (const id of ids.slice(0, 10)) await order(id);
  await soon(async () => expect((await effects(first)).length).toBe(20));

  // Whoever has it loses it, in the middle of its retries, and may be the first to have it again.
  const [holder] = await holders();
  await scenario.query('SELECT pg_terminate_backend($1)', [holder!.pid]);
  for (const id of ids.slice(10)) await order(id);
  await soon(async () => expect((await effects(second)).length).toBe(40));
  const started = performance.now();
  blocked = false;
  await soon(async () => expect(of(await effects(first), 'stuck')).toEqual(both('stuck')));
  expect(performance.now() - started).toBeLessThan(10_000);
  const all = await effects(first);
  for (const id of ids) expect(of(all, id)).toEqual(both(id));
});

it('the order survives a NATS that stops with events on their way', async () => {
  const one = await mail();
  const ids = Array.from({ length: 60 }, (_, index) => `o-${index}`);
  for (const [index, id] of ids.entries()) {
    await order(id);
    if (index === 30) {
      await scenario.server.stop();
      scenario.server.start();
    }
  }
  await soon(async () => expect((await effects(one)).length).toBe(120));
  const all = await effects(one);
  for (const id of ids) expect(of(all, id)).toEqual(both(id));
});

it('a consumer that was made anew has no second effect', async () => {
  const one = await mail();
  await order('o-1');
  await soon(async () => expect(await effects(one)).toEqual(both('o-1')));
  const { nats, jetstream } = await operator(scenario.server.url);
  const names = (await jetstream.consumers.list('order_v1').next()).map(({ name }) => name);
  expect(names).toEqual([expect.stringMatching(/^mail-service__order_v1__/)]);
  await jetstream.consumers.delete('order_v1', names[0]!);
  await nats.close();
  await order('o-2');
  await soon(async () => expect(await effects(one)).toEqual([...both('o-1'), ...both('o-2')]));
});
