import type { TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NatsScenario } from './nats-scenario.fixture.js';
import { soon } from './scenario.fixture.js';
import { effects, metric, orderCreated, stateOf, waiting } from './services.fixture.js';

let scenario: NatsScenario;
let shop: TestingModule;
let mail: TestingModule;

beforeEach(async () => {
  scenario = await NatsScenario.prepare();
});
afterEach(() => scenario.close());

async function startServices(): Promise<void> {
  ({ shop, mail } = await scenario.shopAndMail());
}

const events = (service: TestingModule) => stateOf(service, 'events');

describe('while NATS is down', () => {
  it('services start and accept changes, and their events arrive when it is there', async () => {
    await startServices();
    expect(await events(shop)).toMatchObject({ critical: false, up: false });
    await orderCreated(shop, 'o-1');
    expect(await waiting(shop)).toBe(1);
    scenario.server.start();
    await soon(async () => expect(await effects(mail)).toEqual(['o-1']));
    expect(await events(shop)).toMatchObject({ up: true });
  });

  it.each([
    ['comes back as it was', false],
    ['comes back without its store', true],
  ])('events wait in the outbox and arrive when it %s', async (_, lost) => {
    scenario.server.start();
    await startServices();
    await orderCreated(shop, 'before');
    await soon(async () => expect(await effects(mail)).toEqual(['before']));
    await soon(async () => expect(await waiting(shop)).toBe(0));

    await scenario.server.stop();
    await soon(async () => expect(await events(shop)).toMatchObject({ up: false }));
    // JetStream may refuse the first events while it starts.
    const refused = await metric(shop, 'outbox_refused_total');
    await orderCreated(shop, 'o-1');
    await orderCreated(shop, 'o-2');
    expect(await waiting(shop)).toBe(2);
    expect(await effects(mail)).toEqual(['before']);
    // The relay tells of them, and tries nothing.
    await soon(async () => expect(await stateOf(shop, 'outbox')).toMatchObject({ up: false }));
    expect(await metric(shop, 'outbox_refused_total')).toBe(refused);

    if (lost) await scenario.server.emptyStore();
    scenario.server.start();
    // Events are handled side by side, in no order.
    await soon(async () => expect((await effects(mail)).sort()).toEqual(['before', 'o-1', 'o-2']));
    await soon(async () => expect(await waiting(shop)).toBe(0));
  });

  it('services stop at once', async () => {
    await startServices();
    await orderCreated(shop, 'o-1');
    const started = performance.now();
    await Promise.all([shop.close(), mail.close()]);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it('a service that lost it stops at once too', async () => {
    scenario.server.start();
    await startServices();
    await orderCreated(shop, 'o-1');
    await soon(async () => expect(await effects(mail)).toEqual(['o-1']));
    await scenario.server.stop();
    await soon(async () => expect(await events(mail)).toMatchObject({ up: false }));
    const started = performance.now();
    await Promise.all([shop.close(), mail.close()]);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
