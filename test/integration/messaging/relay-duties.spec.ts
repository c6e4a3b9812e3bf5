import { randomUUID } from 'node:crypto';
import { Controller } from '@nestjs/common';
import { Every, Messaging } from '@rookery/messaging';
import { DataSource } from 'typeorm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Scenario, soon } from './scenario.fixture.js';
import { orderCreated, waiting } from './services.fixture.js';

let scenario: Scenario;

beforeEach(() => {
  scenario = new Scenario();
});
afterEach(() => scenario.close());

it.each([
  ['outbox_delayed', 'delayed events cannot be moved'],
  ['recurring_jobs', 'recurring jobs cannot be run'],
])('events are published while nothing can be done with %s, and the log says so once', async (table, trouble) => {
  const lines: string[] = [];
  @Controller()
  class SweepController {
    @Every('15m')
    async sweep(): Promise<void> {}
  }
  const shop = await scenario.service({
    name: 'shop',
    databaseUrl: await scenario.database(),
    natsUrl: `memory://${randomUUID()}`,
    controllers: [SweepController],
    relay: false,
    onLog: ({ msg }) => lines.push(String(msg)),
  });
  const said = (text: string) => lines.filter((line) => line.includes(text));
  const database = shop.get(DataSource);
  await database.query(`ALTER TABLE ${table} RENAME TO away`);
  shop.get(Messaging).startRelay();
  for (const id of ['o-1', 'o-2', 'o-3']) {
    await orderCreated(shop, id);
    await soon(async () => expect(await waiting(shop)).toBe(0));
  }
  await soon(() => expect(shop.get(Messaging).outboxState()).toEqual({ up: false, detail: trouble }));
  await database.query(`ALTER TABLE away RENAME TO ${table}`);
  await soon(() => expect(shop.get(Messaging).outboxState()).toMatchObject({ up: true }));
  expect(said(trouble)).toHaveLength(1);
  expect(said('the outbox cannot be read')).toEqual([]);
});
