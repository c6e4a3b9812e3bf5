import { EventBus, Messaging } from '@rookery/messaging';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { NatsScenario } from './nats-scenario.fixture.js';
import { operator } from './nats-server.fixture.js';
import { soon } from './scenario.fixture.js';
import { orderCreated, waiting } from './services.fixture.js';

/** Milliseconds: longer than PostgreSQL lets a relay be silent, not as long as it waits for NATS. */
const SLOW = 3_500;

let scenario: NatsScenario;

beforeEach(async () => {
  scenario = await NatsScenario.start();
});
afterEach(() => scenario.close());

it('a relay that stops deletes what NATS acknowledges meanwhile, however slowly, and begins nothing else', async () => {
  const shop = await scenario.service({ name: 'shop' });
  await orderCreated(shop, 'first');
  await soon(async () => expect(await waiting(shop)).toBe(0));
  scenario.server.freeze();
  const publish = vi.spyOn(shop.get(EventBus), 'publish');
  const ids = Array.from({ length: 50 }, (_, index) => `o-${index}`);
  await Promise.all(ids.map((id) => orderCreated(shop, id)));
  await orderCreated(shop, 'o-0 again', 'o-0');
  await soon(() => expect(publish).toHaveBeenCalledTimes(50));
  const stopped = shop.get(Messaging).stop();
  const end = performance.now() + SLOW;
  await soon(() => expect(performance.now()).toBeGreaterThan(end));
  scenario.server.thaw();
  await stopped;
  expect(await waiting(shop)).toBe(1);
  const { nats, jetstream } = await operator(scenario.server.url);
  expect((await jetstream.streams.info('order_v1')).state.messages).toBe(51);
  await nats.close();
});
