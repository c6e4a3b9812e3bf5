import { randomUUID } from 'node:crypto';
import { Messaging } from '@rookery/messaging';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Scenario, soon } from './scenario.fixture.js';
import { waiting } from './services.fixture.js';

const scenario = new Scenario();
let shop: Awaited<ReturnType<Scenario['service']>>;

beforeAll(async () => {
  const natsUrl = `memory://${randomUUID()}`;
  shop = await scenario.service({ name: 'shop', databaseUrl: await scenario.database(), natsUrl, relay: false });
});
afterAll(() => scenario.close());

it('the outbox is a few pages again when its events are gone', async () => {
  const database = shop.get(DataSource);
  const pages = async () => {
    const [row] = await database.query<{ pages: number }[]>(
      `SELECT (pg_total_relation_size('outbox') / 8192)::int AS pages`,
    );
    return row!.pages;
  };
  await database.query(
    `INSERT INTO outbox (id, type, key, headers, payload)
     SELECT gen_random_uuid(), 'order.v1.OrderCreated', 'k' || n % 100, '{}', decode(repeat('00', 200), 'hex')
     FROM generate_series(1, 20000) AS n`,
  );
  const full = await pages();
  expect(full).toBeGreaterThan(500);
  shop.get(Messaging).startRelay();
  await soon(async () => expect(await waiting(shop)).toBe(0));
  await database.query('VACUUM outbox');
  // The index keeps the pages it once had, empty, for what comes.
  expect(await pages()).toBeLessThan(full / 5);
  const [table] = await database.query<{ size: number }[]>(`SELECT pg_relation_size('outbox')::int AS size`);
  expect(table!.size).toBeLessThanOrEqual(2 * 8_192);
});

it('PostgreSQL is told to vacuum it by the number of deletions', async () => {
  const rows = await shop
    .get(DataSource)
    .query<{ name: string; options: string[] }[]>(
      `SELECT relname AS name, reloptions AS options FROM pg_class WHERE relname IN ('outbox', 'outbox_delayed') ORDER BY 1`,
    );
  expect(rows.map(({ name }) => name)).toEqual(['outbox', 'outbox_delayed']);
  for (const { options } of rows) expect(options).toContain('autovacuum_vacuum_scale_factor=0');
});
