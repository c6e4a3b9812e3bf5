import { randomUUID } from 'node:crypto';
import type { TestingModule } from '@nestjs/testing';
import { ControlConnection } from '@rookery/database';
import { EventBus, Messaging } from '@rookery/messaging';
import pg from 'pg';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Scenario, soon } from './scenario.fixture.js';
import { orderCreated, waiting } from './services.fixture.js';

/** Longer than PostgreSQL lets a relay be silent. */
const BLOCKED = 4_000;

let scenario: Scenario;
let shop: TestingModule;
let rival: pg.Client;

beforeEach(async () => {
  scenario = new Scenario();
  const databaseUrl = await scenario.database();
  shop = await scenario.service({ name: 'shop', databaseUrl, natsUrl: `memory://${randomUUID()}`, relay: false });
  rival = new pg.Client({ connectionString: databaseUrl });
  await rival.connect();
});
afterEach(async () => {
  await rival.end();
  await scenario.close();
});

it('what a relay was reading when it was blocked and lost its lock, it does not publish', async () => {
  const publish = vi.spyOn(shop.get(EventBus), 'publish');
  const control = shop.get(ControlConnection);
  const query = control.query.bind(control);
  let blocked = false;
  vi.spyOn(control, 'query').mockImplementation(async (text, values) => {
    const answer = query(text, values);
    if (text.includes('WITH gone') && !blocked) {
      blocked = true;
      // Waits for the lock in PostgreSQL, and gets it there when the session of the relay ends.
      void rival.query('SELECT pg_advisory_lock(7665002)');
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BLOCKED));
    }
    return answer as never;
  });
  for (const id of ['o-1', 'o-2', 'o-3']) await orderCreated(shop, id);
  shop.get(Messaging).startRelay();
  await soon(() => expect(blocked).toBe(true));
  await soon(() => expect(shop.get(Messaging).outboxState().detail).toBe('published by another replica'));
  await soon(() => expect(control.connected).toBe(true));
  expect(publish).not.toHaveBeenCalled();
  expect(await waiting(shop)).toBe(3);
  await rival.query('SELECT pg_advisory_unlock(7665002)');
  await soon(async () => expect(await waiting(shop)).toBe(0));
  expect(publish).toHaveBeenCalledTimes(3);
});
