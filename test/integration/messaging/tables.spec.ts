import { randomUUID } from 'node:crypto';
import { ControlConnection } from '@rookery/database';
import { Metrics } from '@rookery/observability';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Inbox } from '../../../libs/messaging/src/inbox.js';
import { Scenario, soon } from './scenario.fixture.js';
import { orderCreated, waiting } from './services.fixture.js';

describe('the tables of messaging', () => {
  const scenario = new Scenario();
  let databaseUrl: string;
  let shop: Awaited<ReturnType<Scenario['service']>>;

  beforeAll(async () => {
    const natsUrl = `memory://${randomUUID()}`;
    databaseUrl = await scenario.database();
    shop = await scenario.service({ name: 'shop', databaseUrl, natsUrl, relay: false });
  });
  afterAll(() => scenario.close());

  it('are created by the migrations as the entities describe them', async () => {
    const { upQueries } = await shop.get(DataSource).driver.createSchemaBuilder().log();
    expect(upQueries.map(({ query }) => query)).toEqual([]);
  });

  it('forget handled events after eight days, not before', async () => {
    const database = shop.get(DataSource);
    await database.query(
      `INSERT INTO inbox (consumer, id, received_at)
       SELECT 'mail', gen_random_uuid(), now() - interval '8 days 1 minute' FROM generate_series(1, 2500)`,
    );
    const [kept] = await database.query<{ id: string }[]>(
      `INSERT INTO inbox (consumer, id, received_at)
       VALUES ('mail', gen_random_uuid(), now() - interval '7 days 23 hours') RETURNING id`,
    );
    while (await shop.get(Inbox).prune(shop.get(ControlConnection)));
    expect(await database.query('SELECT id FROM inbox')).toEqual([kept]);
  });

  it('say how much waits, and how much was published', async () => {
    await orderCreated(shop, 'o-1');
    await shop.get(DataSource).query(`UPDATE outbox SET created_at = now() - interval '1 hour'`);
    const natsUrl = `memory://${randomUUID()}`;
    const second = await scenario.service({ name: 'shop', databaseUrl, natsUrl });
    const of = (name: string) => second.get(Metrics).registry.getSingleMetric(name)!.get();
    await soon(async () => expect((await of('outbox_published_total')).values[0]?.value).toBe(1));
    expect((await of('outbox_pending')).values[0]?.value).toBe(1);
    expect((await of('outbox_oldest_seconds')).values[0]?.value).toBeGreaterThanOrEqual(3_600);
    await soon(async () => expect(await waiting(shop)).toBe(0));
  });
});
