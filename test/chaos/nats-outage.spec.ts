import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { difference, notificationsOf } from './audit.js';
import { ChaosPlatform } from './chaos-platform.js';
import { publishedByKey } from './event-stream.js';
import { OrderLoad } from './order-load.js';
import { readMetrics, sumOf } from './prometheus.js';
import { RUN } from './run-length.js';

const ORDERS_PER_SECOND = 20;
/** Beyond the outage: until everything that waited is delivered. */
const PATIENCE = 90_000;

let chaos: ChaosPlatform;

beforeAll(async () => {
  chaos = await ChaosPlatform.start({ environment: { LOG_LEVEL: 'warn' } });
});
afterAll(() => chaos?.stop());

async function backlog(): Promise<{ pending: number; oldest: number }> {
  const samples = await readMetrics(chaos.platform.probes['order-service']);
  return { pending: sumOf(samples, 'outbox_pending'), oldest: sumOf(samples, 'outbox_oldest_seconds') };
}

it(
  'fails no request while NATS is away, shows what waits, and delivers all of it in order when it is back',
  async () => {
    const user = await chaos.newUser();
    const load = new OrderLoad(chaos.api, [user], ORDERS_PER_SECOND);
    await expect.poll(() => load.acknowledged.length).toBeGreaterThan(ORDERS_PER_SECOND);

    await chaos.servers.nats.stop();
    const stoppedAt = Date.now();
    await expect.poll(() => Date.now() - stoppedAt, { timeout: 2 * RUN.outage }).toBeGreaterThan(RUN.outage);
    // At least an event for each order, and the oldest nearly as old as the outage; both are looked up now and then.
    await expect
      .poll(async () => (await backlog()).oldest, { timeout: 20_000 })
      .toBeGreaterThan((RUN.outage / 1_000) * 0.8);
    const atWorst = await backlog();
    expect(atWorst.pending).toBeGreaterThan((RUN.outage / 1_000) * ORDERS_PER_SECOND * 0.5);
    await chaos.servers.nats.start();
    const backAt = Date.now();
    await expect.poll(async () => (await backlog()).pending, { timeout: PATIENCE / 2 }).toBeLessThan(ORDERS_PER_SECOND);
    const drained = Date.now() - backAt;
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(load.retried).toBe(0);

    const events = new Map(load.acknowledged.map(({ id, events }) => [id, events]));
    const expected = [...events].flatMap(([id, types]) => types.map((type) => `${type} ${id}`));
    const notified = async () =>
      difference(await notificationsOf(chaos.api, user), [`user.v1.UserCreated ${user}`, ...expected]);
    await expect.poll(notified, { timeout: PATIENCE / 2 }).toEqual({ missing: [], twice: [], unknown: [] });
    const nats = await connect({ servers: chaos.servers.natsUrl });
    const published = await publishedByKey(nats, 'order_v1').finally(() => nats.close());
    expect(published).toEqual(events);
    console.log(
      `chaos: NATS away for ${((backAt - stoppedAt) / 1_000).toFixed(1)} s: ${load.acknowledged.length} orders, none repeated; ` +
        `${atWorst.pending} events waited, the oldest for ${atWorst.oldest.toFixed(1)} s; published ${(drained / 1_000).toFixed(1)} s after its return`,
    );
  },
  2 * RUN.outage + 2 * PATIENCE,
);
