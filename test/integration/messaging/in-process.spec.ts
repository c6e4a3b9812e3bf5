import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Messaging } from '@rookery/messaging';
import { DataSource } from 'typeorm';
import { Scenario, type ServiceOptions, soon } from './scenario.fixture.js';
import { type Hook, deliveries, effectController, effects, orderCreated, waiting } from './services.fixture.js';

describe('services of one process', () => {
  let scenario: Scenario;
  let natsUrl: string;

  beforeEach(() => {
    scenario = new Scenario();
    natsUrl = `memory://${randomUUID()}`;
  });
  afterEach(() => scenario.close());

  async function service(name: string, hook?: Hook, env?: Record<string, string>, onLog?: ServiceOptions['onLog']) {
    const controllers = hook ? [effectController(hook)] : [];
    return scenario.service({ name, databaseUrl: await scenario.database(), natsUrl, controllers, env, onLog });
  }

  it('exchange events, each service with its own effect', async () => {
    const mail = await service('mail-service', () => undefined);
    const audit = await service('audit-service', () => undefined);
    const shop = await service('shop-service');
    await orderCreated(shop, 'o-1');
    await soon(async () => expect(await effects(mail)).toEqual(['o-1']));
    await soon(async () => expect(await effects(audit)).toEqual(['o-1']));
    await soon(async () => expect(await waiting(shop)).toBe(0));
  });

  it('keep an event in the outbox until its effect is committed', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    let handling = false;
    const mail = await service('mail-service', async () => {
      handling = true;
      await held;
    });
    const shop = await service('shop-service');
    await orderCreated(shop, 'o-1');
    await soon(() => expect(handling).toBe(true));
    expect(await waiting(shop)).toBe(1);
    release();
    await soon(async () => expect(await waiting(shop)).toBe(0));
    expect(await effects(mail)).toEqual(['o-1']);
  });

  it('go on while one event fails, and keep the order of its key', async () => {
    let mended = false;
    const hook: Hook = ({ payload }) => {
      if (payload.id === 'poison' && !mended) throw new Error('no such customer');
    };
    const mail = await service('mail-service', hook, { EVENTS_MAX_DELIVERIES: '1000' });
    const shop = await service('shop-service');
    await orderCreated(shop, 'poison', 'customer-1');
    await orderCreated(shop, 'after poison', 'customer-1');
    const others = Array.from({ length: 300 }, (_, index) => `o-${index}`);
    for (const id of others) await orderCreated(shop, id);
    await soon(async () => expect((await effects(mail)).sort()).toEqual([...others].sort()));
    await soon(async () => expect(await waiting(shop)).toBe(2));
    expect(await deliveries(mail, 'retry')).toBeGreaterThan(0);
    mended = true;
    await soon(async () => expect((await effects(mail)).slice(-2)).toEqual(['poison', 'after poison']));
    await soon(async () => expect(await waiting(shop)).toBe(0));
  });

  it('lose nothing when a consumer stops before the publisher', async () => {
    const mail = await service('mail-service', () => undefined);
    const shop = await service('shop-service');
    await mail.get(Messaging).stop();
    await orderCreated(shop, 'o-1');
    await orderCreated(shop, 'o-2');
    await shop.get(Messaging).stop();
    expect(await waiting(shop)).toBe(2);
  });

  it('stop while an event waits for its next attempt', async () => {
    const env = { EVENTS_BACKOFF_FIRST: '1h', EVENTS_BACKOFF_LONGEST: '1h' };
    const hook: Hook = () => {
      throw new Error('no such customer');
    };
    const mail = await service('mail-service', hook, env);
    const shop = await service('shop-service');
    await orderCreated(shop, 'poison');
    await soon(async () => expect(await deliveries(mail, 'retry')).toBe(1));
    const started = performance.now();
    await shop.get(Messaging).stop();
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(await waiting(shop)).toBe(1);
  });

  it('begin anew with an event that was given up, when its line of the log is added to the outbox again', async () => {
    let failing = 3 + 2;
    const hook: Hook = () => {
      if (failing-- > 0) throw new Error('no such customer');
    };
    const lines: Record<string, unknown>[] = [];
    const mail = await service('mail-service', hook, { EVENTS_MAX_DELIVERIES: '3' });
    const audit = await service('audit-service', () => undefined);
    const shop = await service('shop-service', undefined, {}, (line) => lines.push(line));
    await orderCreated(shop, 'o-1');
    const dead = await soon(() => {
      const line = lines.find(({ msg }) => msg === 'dead letter');
      expect(line).toBeDefined();
      return line!;
    });
    await soon(async () => expect(await waiting(shop)).toBe(0));
    // As the README says.
    await shop
      .get(DataSource)
      .query("INSERT INTO outbox (id, type, key, headers, payload) VALUES ($1, $2, $3, $4, decode($5, 'base64'))", [
        dead.event,
        dead.type,
        dead.key,
        JSON.stringify(dead.headers),
        dead.payload,
      ]);
    await soon(async () => expect(await waiting(shop)).toBe(0));
    expect(await effects(mail)).toEqual(['o-1']);
    expect(await effects(audit)).toEqual(['o-1']);
    expect(await deliveries(mail, 'dead')).toBe(1);
    expect(await deliveries(audit, 'duplicate')).toBe(1);
  });
});
