import type { TestingModule } from '@nestjs/testing';
import { ControlConnection } from '@rookery/database';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PostgresProxy } from '../database/postgres-proxy.fixture.js';
import { NatsScenario } from './nats-scenario.fixture.js';
import { soon } from './scenario.fixture.js';
import { effectController, effects, metric, orderCreated, waiting } from './services.fixture.js';

const HOLDERS = `
  SELECT a.pid, a.application_name AS name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
  WHERE l.locktype = 'advisory' AND l.granted AND l.objid = 7665002 AND a.datname = $1`;

let scenario: NatsScenario;
let databaseUrl: string;
let mail: TestingModule;

beforeEach(async () => {
  scenario = await NatsScenario.start();
  databaseUrl = await scenario.database();
  mail = await scenario.service({ name: 'mail', controllers: [effectController()] });
});
afterEach(() => scenario.close());

function replica(name: string, url = databaseUrl): Promise<TestingModule> {
  return scenario.service({ name, databaseUrl: url });
}

const isRelay = (service: TestingModule) => metric(service, 'outbox_relay');

async function holder(): Promise<{ pid: number; name: string }> {
  const holders = await scenario.query<{ pid: number; name: string }>(HOLDERS, [
    new URL(databaseUrl).pathname.slice(1),
  ]);
  expect(holders).toHaveLength(1);
  return holders[0]!;
}

it('one replica publishes, and another takes over when its connection is killed', async () => {
  const first = await replica('replica-1');
  await soon(async () => expect((await holder()).name).toBe('replica-1 control'));
  await replica('replica-2');
  await orderCreated(first, 'o-1');
  await soon(async () => expect(await effects(mail)).toEqual(['o-1']));

  // The first one reconnects and may be first again; then it is killed again.
  await soon(async () => {
    const { pid, name } = await holder();
    if (name === 'replica-1 control') await scenario.query('SELECT pg_terminate_backend($1)', [pid]);
    expect(name).toBe('replica-2 control');
  });
  await orderCreated(first, 'o-2');
  await soon(async () => expect(await effects(mail)).toEqual(['o-1', 'o-2']));
  await soon(async () => expect(await waiting(first)).toBe(0));
});

it('the only replica goes on when its connection was killed', async () => {
  const only = await replica('replica-1');
  const { pid } = await soon(holder);
  await scenario.query('SELECT pg_terminate_backend($1)', [pid]);
  await soon(async () => expect((await holder()).pid).not.toBe(pid));
  await orderCreated(only, 'o-1');
  await soon(async () => expect(await effects(mail)).toEqual(['o-1']));
});

it('a replica that stops hands over, and the others lose nothing', async () => {
  const first = await replica('replica-1');
  await soon(holder);
  const second = await replica('replica-2');
  const ids = Array.from({ length: 100 }, (_, index) => `o-${index}`);
  for (const [index, id] of ids.entries()) {
    if (index === 50) void first.close();
    await orderCreated(second, id);
  }
  await soon(async () => expect((await effects(mail)).sort()).toEqual([...ids].sort()));
  expect((await holder()).name).toBe('replica-2 control');
  expect(first.get(ControlConnection).connected).toBe(false);
});

it('another replica takes over within five seconds when the first says nothing any more', async () => {
  const proxy = await PostgresProxy.before(databaseUrl);
  try {
    const first = await replica('replica-1', proxy.url);
    await soon(async () => expect(await isRelay(first)).toBe(1));
    const second = await replica('replica-2');
    proxy.freezeOpen();
    const frozen = performance.now();
    await orderCreated(second, 'o-1');
    await soon(async () => expect(await effects(mail)).toEqual(['o-1']));
    expect(performance.now() - frozen).toBeLessThan(5_000);
    expect((await holder()).name).toBe('replica-2 control');
    // The first one finds out by itself, and stands by.
    await soon(async () => expect([await isRelay(first), await isRelay(second)]).toEqual([0, 1]));
  } finally {
    await proxy.close();
  }
});

it('an idle relay keeps its lock', async () => {
  const first = await replica('replica-1');
  const { pid } = await soon(holder);
  await replica('replica-2');
  // Longer than a session that says nothing would live.
  const end = performance.now() + 4_000;
  await soon(() => expect(performance.now()).toBeGreaterThan(end));
  expect(await holder()).toEqual({ pid, name: 'replica-1 control' });
  expect(await isRelay(first)).toBe(1);
});
