import { randomUUID } from 'node:crypto';
import type { TestingModule } from '@nestjs/testing';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { Outbox } from '@rookery/messaging';
import { Metrics } from '@rookery/observability';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Scenario, soon } from './scenario.fixture.js';
import { orderCreated, waiting } from './services.fixture.js';

let scenario: Scenario;
let databaseUrl: string;
let relay: TestingModule;
let listener: pg.Client;
let heard: number;

beforeEach(async () => {
  scenario = new Scenario();
  databaseUrl = await scenario.database();
  relay = await replica();
  await soon(async () => {
    const metric = await relay.get(Metrics).registry.getSingleMetric('outbox_relay')!.get();
    expect(metric.values[0]?.value).toBe(1);
  });
  heard = 0;
  listener = new pg.Client({ connectionString: databaseUrl });
  await listener.connect();
  await listener.query('LISTEN outbox');
  listener.on('notification', () => heard++);
});
afterEach(async () => {
  await listener.end();
  await scenario.close();
});

function replica(): Promise<TestingModule> {
  return scenario.service({ name: 'shop', databaseUrl, natsUrl: `memory://${randomUUID()}` });
}

it('costs the database nothing where the relay is', async () => {
  for (let n = 0; n < 20; n++) await orderCreated(relay, `o-${n}`);
  await soon(async () => expect(await waiting(relay)).toBe(0));
  await listener.query('SELECT 1');
  expect(heard).toBe(0);
});

it('is one notification for many commits from another replica', async () => {
  const other = await replica();
  await Promise.all(Array.from({ length: 200 }, (_, n) => orderCreated(other, `o-${n}`)));
  await soon(async () => expect(await waiting(other)).toBe(0));
  await soon(() => expect(heard).toBeGreaterThan(0));
  expect(heard).toBeLessThan(200);
});

it('is in the transaction when nobody tells of its commit', async () => {
  const outbox = relay.get(Outbox);
  await relay.get(DataSource).transaction((tx) => outbox.add(tx, OrderCreated, { id: 'o-1' }));
  await soon(() => expect(heard).toBe(1));
  await soon(async () => expect(await waiting(relay)).toBe(0));
});
