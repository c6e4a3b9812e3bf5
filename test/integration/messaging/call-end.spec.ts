import { randomUUID } from 'node:crypto';
import { callContext, remainingTime } from '@rookery/context';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { EventBus, Messaging } from '@rookery/messaging';
import { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newEvent } from '../../../libs/messaging/src/event.js';
import { callOf, timed } from '../database/database-app.fixture.js';
import { NatsScenario } from './nats-scenario.fixture.js';
import { Scenario, soon } from './scenario.fixture.js';
import { type Hook, deliveries, effectController, effects, orderCreated, waiting } from './services.fixture.js';

let scenario: Scenario;

beforeEach(() => {
  scenario = new Scenario();
});
afterEach(() => scenario.close());

describe('a handler of events', () => {
  let natsUrl: string;
  let mailDatabase: string;

  beforeEach(async () => {
    natsUrl = `memory://${randomUUID()}`;
    mailDatabase = await scenario.database();
  });

  const mailService = (hook: (sleep: () => Promise<unknown>) => Hook, env: Record<string, string> = {}) => {
    let dataSource: DataSource | undefined;
    const sleep = async () => dataSource?.query('SELECT pg_sleep(30)');
    const controllers = [effectController(hook(sleep))];
    const service = scenario.service({ name: 'mail-service', databaseUrl: mailDatabase, natsUrl, controllers, env });
    return service.then((opened) => {
      dataSource = opened.get(DataSource);
      return opened;
    });
  };
  const shopService = async () =>
    scenario.service({ name: 'shop-service', databaseUrl: await scenario.database(), natsUrl });
  const asleep = () =>
    scenario.query(
      `SELECT pid FROM pg_stat_activity WHERE datname = $1 AND query = 'SELECT pg_sleep(30)' AND state = 'active'`,
      [new URL(mailDatabase).pathname.slice(1)],
    );

  it('is ended when it takes too long, with its work in the database, and gets the event again', async () => {
    const seen: (number | undefined)[] = [];
    const mail = await mailService(
      (sleep) => async (event) => {
        seen.push(remainingTime());
        if (event.attempt === 1) await sleep();
      },
      { EVENTS_HANDLER_TIMEOUT: '500ms' },
    );
    const shop = await shopService();
    await orderCreated(shop, 'o-1');
    await soon(async () => expect(await asleep()).toHaveLength(1));
    await soon(async () => expect(await effects(mail)).toEqual(['o-1']));
    // Cancelled over a connection of its own, beside the second attempt; long before it would have ended by itself.
    await soon(async () => expect(await asleep()).toEqual([]));
    expect(await deliveries(mail, 'retry')).toBe(1);
    for (const left of seen) expect(left).toBeLessThanOrEqual(500);
  });

  it('keeps nobody waiting although it does not listen', async () => {
    let goOn = () => {};
    const deaf = new Promise<void>((resolve) => (goOn = resolve));
    const hook: Hook = ({ attempt }) => (attempt === 1 ? deaf : undefined);
    const mail = await mailService(() => hook, { EVENTS_HANDLER_TIMEOUT: '500ms' });
    const shop = await shopService();
    await orderCreated(shop, 'o-1');
    await soon(async () => expect(await effects(mail)).toEqual(['o-1']));
    goOn();
    await soon(async () => expect(await waiting(shop)).toBe(0));
    expect(await effects(mail)).toEqual(['o-1']);
  });

  it('is ended when its service stops, and another replica handles the event', async () => {
    let reason: unknown;
    const stopping = await mailService(
      (sleep) => async () => {
        const { signal } = callContext()!;
        signal.addEventListener('abort', () => (reason = signal.reason));
        await sleep();
      },
      { EVENTS_DRAIN_TIMEOUT: '100ms' },
    );
    const shop = await shopService();
    await orderCreated(shop, 'o-1');
    await soon(async () => expect(await asleep()).toHaveLength(1));
    const { ms } = await timed(stopping.get(Messaging).stop());
    expect(ms).toBeLessThan(2_000);
    await soon(async () => expect(await asleep()).toEqual([]));
    expect(reason).toMatchObject({ reason: 'SHUTTING_DOWN' });
    expect(await waiting(shop)).toBe(1);
    const replica = await mailService(() => () => undefined);
    await soon(async () => expect(await effects(replica)).toEqual(['o-1']));
  });
});

describe('a call that publishes', () => {
  const event = () => newEvent(OrderCreated, { id: 'o-1' }, { source: 'shop' });

  it('waits for consumers no longer than its deadline (in process)', async () => {
    let goOn = () => {};
    const held = new Promise<void>((resolve) => (goOn = resolve));
    const natsUrl = `memory://${randomUUID()}`;
    const controllers = [effectController(() => held)];
    const mail = await scenario.service({
      name: 'mail-service',
      databaseUrl: await scenario.database(),
      natsUrl,
      controllers,
    });
    const one = callOf({ timeout: 200 });
    const { ms, error } = await timed(one.run(() => mail.get(EventBus).publish(event())));
    expect(error).toBe(one.late);
    expect(ms).toBeLessThan(300);
    goOn();
  });

  it('waits for NATS no longer than its deadline', async () => {
    const nats = await NatsScenario.start();
    try {
      const shop = await nats.service({ name: 'shop-service' });
      const bus = shop.get(EventBus);
      await soon(() => bus.publish(event()));
      nats.server.freeze();
      const one = callOf({ timeout: 200 });
      const { ms, error } = await timed(one.run(() => bus.publish(event())));
      expect(error).toBe(one.late);
      expect(ms).toBeLessThan(300);
    } finally {
      nats.server.thaw();
      await nats.close();
    }
  });
});
