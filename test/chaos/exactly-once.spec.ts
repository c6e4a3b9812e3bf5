import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { difference, notificationsOf, ordersOf } from './audit.js';
import { ChaosPlatform } from './chaos-platform.js';
import { DeliveryTally } from './delivery-tally.js';
import { deadLetters, undelivered } from './event-stream.js';
import { killSchedule } from './kill-schedule.js';
import { OrderLoad } from './order-load.js';
import { readMetrics, sumOf } from './prometheus.js';
import { RUN } from './run-length.js';
import { Supervisor, type Victim } from './supervisor.js';

/** Everybody is killed: what holds then holds for each of them alone. */
const PROCESSES = [
  'order-service',
  'order-service-2',
  'notification-service',
  'notification-service-2',
  'user-service',
  'gateway',
] as const;
const SERVERS = ['redis', 'nats', 'postgres'] as const;
const VICTIMS = [...PROCESSES, ...SERVERS];

const ORDERS_PER_SECOND = 20;
const USERS = 10;
/** At once: as many as two cores answer in time, also right after all has been started again. */
const MOST_CALLERS = 100;
/** Beyond the killing: until the last victim is back, every caller answered, every event handled. */
const PATIENCE = 150_000;
const none = { missing: [], twice: [], unknown: [] };

let chaos: ChaosPlatform;

beforeAll(async () => {
  chaos = await ChaosPlatform.start({
    replicas: { 'order-service': 2, 'notification-service': 2 },
    // An event that was with a replica when it was killed comes to the other one after this time.
    environment: { LOG_LEVEL: 'warn', EVENTS_ACK_WAIT: '5s' },
  });
});
afterAll(() => chaos?.stop());

function victims(): Map<string, Victim> {
  const processes = PROCESSES.map((name): [string, Victim] => [
    name,
    { kill: () => chaos.platform.processes.get(name)!.kill(), start: () => chaos.platform.startAgain(name) },
  ]);
  return new Map([...processes, ...SERVERS.map((name): [string, Victim] => [name, chaos.servers[name]])]);
}

/** Events in the outboxes, as the replicas that publish say. */
async function waitingInOutboxes(): Promise<number> {
  const pages = await Promise.all(Object.values(chaos.platform.probes).map((url) => readMetrics(url)));
  return sumOf(pages.flat(), 'outbox_pending');
}

it('repeats a schedule of kills for the same seed', () => {
  const schedule = killSchedule(7, VICTIMS, RUN.killing);
  expect(killSchedule(7, VICTIMS, RUN.killing)).toEqual(schedule);
  expect(killSchedule(8, VICTIMS, RUN.killing)).not.toEqual(schedule);
  expect(schedule.length).toBeGreaterThanOrEqual(20);
});

it(
  'stores every acknowledged order once and notifies once of each event while everything is killed in turn',
  async () => {
    console.log(
      `chaos: seed ${RUN.seed}; again: npm run chaos -- --seed ${RUN.seed} --minutes ${RUN.killing / 60_000}`,
    );
    const users = await Promise.all(Array.from({ length: USERS }, () => chaos.newUser()));
    const load = new OrderLoad(chaos.api, users, ORDERS_PER_SECOND, MOST_CALLERS);
    const tally = new DeliveryTally();
    const supervisor = new Supervisor(victims());
    const consumers = PROCESSES.filter((name) => name.startsWith('notification-service'));

    try {
      await supervisor.carryOut(killSchedule(RUN.seed, VICTIMS, RUN.killing), async (victim) => {
        await Promise.all(consumers.map((name) => tally.ask(name, chaos.platform.probes[name]!)));
        tally.buried(victim);
      });
    } finally {
      await load.stop();
    }
    const acknowledged = load.acknowledged;
    const expected = [
      ...users.map((id) => `user.v1.UserCreated ${id}`),
      ...acknowledged.flatMap(({ id, events }) => events.map((type) => `${type} ${id}`)),
    ];
    const notifications = async () => (await Promise.all(users.map((id) => notificationsOf(chaos.api, id)))).flat();

    const nats = await connect({ servers: chaos.servers.natsUrl });
    try {
      // Nothing is on its way any more: what there is now is all there will be.
      await expect.poll(waitingInOutboxes, { timeout: PATIENCE / 2, interval: 500 }).toBe(0);
      await expect.poll(() => undelivered(nats), { timeout: PATIENCE / 2, interval: 500 }).toBe(0);
      const [orders, found, dead] = [
        (await Promise.all(users.map((id) => ordersOf(chaos.api, id)))).flat(),
        await notifications(),
        await deadLetters(nats),
      ];
      await Promise.all(consumers.map((name) => tally.ask(name, chaos.platform.probes[name]!)));
      const kills = [...supervisor.kills].map(([victim, count]) => `${victim} ${count}`).join(', ');
      const total = [...supervisor.kills.values()].reduce((sum, count) => sum + count, 0);
      const { duplicate, retry } = tally.total;
      console.log(
        [
          `chaos: ${acknowledged.length} orders acknowledged, ${load.retried} requests repeated, ${load.failures.length} failed`,
          `       ${orders.length} orders stored; ${found.length} notifications of ${expected.length} events`,
          `       at least ${duplicate} deliveries dropped by the inbox, ${retry} handled again, ${dead} dead letters`,
          `       ${total} kills: ${kills}; ${supervisor.restarts} started once more`,
        ].join('\n'),
      );

      expect(load.failures).toEqual([]);
      expect(total).toBeGreaterThanOrEqual(20);
      const ids = acknowledged.map(({ id }) => id);
      expect(difference(orders, ids)).toEqual(none);
      expect(difference(found, expected)).toEqual(none);
      expect(dead).toBe(0);
      expect(acknowledged.length).toBeGreaterThan((RUN.killing / 1_000) * ORDERS_PER_SECOND * 0.5);
    } finally {
      await nats.close();
    }
  },
  RUN.killing + PATIENCE,
);
