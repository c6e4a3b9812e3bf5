import { Controller, type Type } from '@nestjs/common';
import type { TestingModule } from '@nestjs/testing';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { Transactions } from '@rookery/database';
import { OnEvent, Outbox, type ReceivedEvent } from '@rookery/messaging';
import { DependencyRegistry, Metrics } from '@rookery/observability';
import { DataSource, type EntityManager } from 'typeorm';

/** Adds an event to the outbox of `shop` and commits. `key` defaults to the order's id. */
export function orderCreated(shop: TestingModule, id: string, key = id): Promise<void> {
  const outbox = shop.get(Outbox);
  return shop.get(Transactions).run((tx) => outbox.add(tx, OrderCreated, { id, userId: 'u-1' }, { key }));
}

/** What a handler of these tests does besides its effect. */
export type Hook = (event: ReceivedEvent<OrderCreated>) => Promise<void> | void;

/** A controller whose handler writes the order's id into `effects`, and then calls `hook`. */
export function effectController(hook: Hook = () => undefined): Type {
  @Controller()
  class EffectController {
    @OnEvent(OrderCreated)
    async orderCreated(event: ReceivedEvent<OrderCreated>, tx: EntityManager): Promise<void> {
      await tx.query('INSERT INTO effects (what) VALUES ($1)', [event.payload.id]);
      await hook(event);
    }
  }
  return EffectController;
}

/** The committed effects in the service's database, in the order in which they were made. */
export async function effects(service: TestingModule): Promise<string[]> {
  const rows = await service.get(DataSource).query<{ what: string }[]>('SELECT what FROM effects ORDER BY position');
  return rows.map(({ what }) => what);
}

/** How many events wait in the service's outbox. */
export async function waiting(service: TestingModule): Promise<number> {
  const [row] = await service.get(DataSource).query<{ count: number }[]>('SELECT count(*)::int AS count FROM outbox');
  return row!.count;
}

/** A figure without labels that the service tells of itself, such as `outbox_pending`. */
export async function metric(service: TestingModule, name: string): Promise<number> {
  return (await service.get(Metrics).registry.getSingleMetric(name)!.get()).values[0]!.value;
}

/** What the service's readiness says of a dependency, such as `events` and `outbox`. */
export async function stateOf(service: TestingModule, dependency: string) {
  const all = service.get(DependencyRegistry).all();
  const found = all.find(({ name }) => name === dependency)!;
  return { critical: found.critical, ...(await found.check()) };
}

/** How many deliveries ended so: handled, duplicate, retry or dead. */
export async function deliveries(service: TestingModule, outcome: string): Promise<number> {
  const metric = service.get(Metrics).registry.getSingleMetric('event_handling_seconds');
  const values = (await metric?.get())?.values ?? [];
  const found = values.find(
    ({ labels, ...value }) =>
      labels.outcome === outcome && 'metricName' in value && String(value.metricName).endsWith('_count'),
  );
  return found?.value ?? 0;
}
