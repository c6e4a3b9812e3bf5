import { randomUUID } from 'node:crypto';
import { Inbox } from '../../../libs/messaging/src/inbox.js';
import { ControlConnection } from '@rookery/database';
import { DataSource } from 'typeorm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Scenario } from './scenario.fixture.js';

let scenario: Scenario;

beforeEach(() => {
  scenario = new Scenario();
});
afterEach(() => scenario.close());

it('the inbox forgets a bounded number of old entries at a time, and says when there are more', async () => {
  const natsUrl = `memory://${randomUUID()}`;
  const shop = await scenario.service({ name: 'shop', databaseUrl: await scenario.database(), natsUrl, relay: false });
  const database = shop.get(DataSource);
  await database.query(`
    INSERT INTO inbox (consumer, id, received_at)
    SELECT 'mail', gen_random_uuid(), now() - interval '9 days' FROM generate_series(1, 2500)
    UNION ALL SELECT 'mail', gen_random_uuid(), now() - interval '7 days' FROM generate_series(1, 10)`);
  const prune = () => shop.get(Inbox).prune(shop.get(ControlConnection));
  const left = async () => {
    const [row] = await database.query<{ count: number }[]>('SELECT count(*)::int AS count FROM inbox');
    return row!.count;
  };
  expect([await prune(), await left()]).toEqual([true, 1_510]);
  expect([await prune(), await left()]).toEqual([true, 510]);
  expect([await prune(), await left()]).toEqual([false, 10]);
});
