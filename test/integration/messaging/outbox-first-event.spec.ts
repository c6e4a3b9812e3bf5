import { randomUUID } from 'node:crypto';
import type { TestingModule } from '@nestjs/testing';
import { ControlConnection } from '@rookery/database';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { OutboxQueue } from '../../../libs/messaging/src/outbox-queue.js';
import { Scenario } from './scenario.fixture.js';
import { orderCreated } from './services.fixture.js';

let scenario: Scenario;
let shop: TestingModule;

beforeEach(async () => {
  scenario = new Scenario();
  const databaseUrl = await scenario.database();
  shop = await scenario.service({ name: 'shop', databaseUrl, natsUrl: `memory://${randomUUID()}`, relay: false });
});
afterEach(async () => {
  vi.useRealTimers();
  await scenario.close();
});

it('is read at once, however long the outbox of a fresh database was looked at before', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const queue = new OutboxQueue(shop.get(ControlConnection), () => undefined);
  await queue.acquire();
  const read = async () => {
    const range = { after: queue.seen.position, upTo: Number.MAX_SAFE_INTEGER };
    const none = { withoutPositions: [], withoutKeys: [], withoutTypes: [], more: [], moreLimit: 0 };
    return (await queue.exchange([], { range, limit: 10, bytes: 1_000_000, ...none }))!;
  };
  for (let seconds = 0; seconds < 15; seconds++) {
    expect(await read()).toMatchObject({ range: [], last: 0 });
    vi.advanceTimersByTime(1_001);
  }
  await read();
  await orderCreated(shop, 'first');
  expect((await read()).range).toMatchObject([{ key: 'first', position: '1' }]);
});
