import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventsOperator } from '@rookery/messaging';
import { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deadCommand } from '../../../tools/events/dead-command.js';
import { runEvents } from '../../../tools/events/run-events.js';
import { NatsScenario } from './nats-scenario.fixture.js';
import { operator } from './nats-server.fixture.js';
import { soon } from './scenario.fixture.js';
import { type Hook, deliveries, effectController, effects, orderCreated } from './services.fixture.js';

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

let scenario: NatsScenario;
let folder: string;

beforeEach(async () => {
  scenario = await NatsScenario.start();
  folder = await mkdtemp(join(tmpdir(), 'rookery-events-'));
});
afterEach(async () => {
  await scenario.close();
  await rm(folder, { recursive: true });
});

/** The command itself, in this process: another one each time takes a second. */
async function events(args: string[], natsUrl: string | undefined = scenario.server.url): Promise<Outcome> {
  try {
    return { code: 0, stdout: `${await runEvents(args, natsUrl)}\n`, stderr: '' };
  } catch (error) {
    return { code: 1, stdout: '', stderr: `events: ${(error as Error).message}\n` };
  }
}

/** `npm run events -- …`, without npm. */
function inShell(args: string[]): Promise<Outcome> {
  const env = { ...process.env, NATS_URL: scenario.server.url };
  return new Promise((resolve) => {
    const command = ['--import', 'tsx', 'tools/events/main.ts', ...args];
    execFile(process.execPath, command, { env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

async function list(...filter: string[]) {
  const { stdout } = await events(['dead', 'list', '--json', ...filter]);
  return JSON.parse(stdout) as Record<string, unknown>[];
}

/** Resolves when NATS takes commands. */
async function ready(): Promise<void> {
  const { nats, jetstream } = await operator(scenario.server.url);
  await soon(() => jetstream.getAccountInfo());
  await nats.close();
}

function service(name: string, hook?: Hook) {
  const controllers = hook ? [effectController(hook)] : [];
  return scenario.service({ name, controllers, env: { EVENTS_MAX_DELIVERIES: '2' } });
}

const poisoned: Hook = ({ payload }) => {
  if (payload.id.startsWith('poison')) throw new RangeError('no such customer:\n"Müller"');
};

describe('npm run events', () => {
  it('lists, shows, fixes and replays a poisoned event, for the service that gave it up alone', async () => {
    const mail = await service('mail-service', poisoned);
    const audit = await service('audit-service', () => undefined);
    const shop = await service('shop-service');
    await orderCreated(shop, 'poison');
    await orderCreated(shop, 'fine');
    await soon(async () => expect(await deliveries(mail, 'dead')).toBe(1));
    await soon(async () => expect(await list()).toHaveLength(1));

    const [letter] = await list('--service', 'mail-service', '--type', 'order.v1.OrderCreated');
    expect(letter).toMatchObject({
      sequence: 1,
      service: 'mail-service',
      type: 'order.v1.OrderCreated',
      attempts: 2,
      code: 'RangeError',
      reason: 'no such customer:\n"Müller"',
      headers: { 'ce-type': 'order.v1.OrderCreated', 'ce-source': 'shop-service' },
    });
    expect(await list('--service', 'audit-service')).toEqual([]);
    expect((await events(['dead', 'list'])).stdout).toContain('RangeError: no such customer: "Müller"');

    const shown = JSON.parse((await events(['dead', 'show', '1'])).stdout) as Record<string, unknown>;
    expect(shown).toMatchObject({ id: letter!.id, payload: { id: 'poison', userId: 'u-1' } });
    expect(shown.stack).toContain('RangeError: no such customer');

    const file = join(folder, 'payload.json');
    await writeFile(file, JSON.stringify({ id: 'mended', userId: 'u-1' }));
    expect(await events(['dead', 'replay', '1', '--payload', file])).toMatchObject({ code: 0, stdout: 'replayed 1\n' });
    await soon(async () => expect((await effects(mail)).sort()).toEqual(['fine', 'mended']));
    expect(await list()).toEqual([]);
    expect((await effects(audit)).sort()).toEqual(['fine', 'poison']);
    expect(await deliveries(audit, 'duplicate')).toBe(0);
    const inbox = await mail.get(DataSource).query<unknown[]>('SELECT FROM inbox WHERE id = $1', [letter!.id]);
    expect(inbox).toHaveLength(1);
  });

  it('a replay that fails again is a dead letter again; dropped, it is gone', async () => {
    const mail = await service('mail-service', poisoned);
    const shop = await service('shop-service');
    await orderCreated(shop, 'poison-1');
    await orderCreated(shop, 'poison-2');
    await soon(async () => expect(await list()).toHaveLength(2));
    expect((await events(['dead', 'replay', '--service', 'mail-service', '--json'])).stdout).toContain('[1,2]');
    await soon(async () => expect(await deliveries(mail, 'dead')).toBe(4));
    await soon(async () => expect((await list()).map(({ sequence }) => sequence)).toEqual([3, 4]));
    expect((await events(['dead', 'drop', '3'])).stdout).toBe('dropped 3\n');
    expect((await events(['dead', 'drop', '3'])).stderr).toContain('there is no such dead letter: 3');
    expect((await events(['dead', 'drop', '--all'])).stdout).toBe('dropped 4\n');
    expect((await events(['dead', 'list'])).stdout).toBe('no dead letters\n');
  });

  it('does not say that it dropped what was gone by then', async () => {
    const mail = await service('mail-service', poisoned);
    const shop = await service('shop-service');
    await orderCreated(shop, 'poison-1');
    await orderCreated(shop, 'poison-2');
    await soon(async () => expect(await deliveries(mail, 'dead')).toBe(2));
    await soon(async () => expect(await list()).toHaveLength(2));
    const operated = await EventsOperator.connect(scenario.server.url);
    const { deadLetters } = operated;
    const letters = await deadLetters.list();
    await deadLetters.drop(1);
    // As it was when the command looked.
    vi.spyOn(deadLetters, 'list').mockResolvedValue(letters);
    await expect(deadCommand(operated, 'drop', [], { all: true })).rejects.toMatchObject({
      message: 'not dropped:\n  1: there is no dead letter 1 any more',
      output: 'dropped 2',
    });
    await expect(deadCommand(operated, 'drop', [1], {})).rejects.toThrow('there is no dead letter 1 any more');
    await operated.close();
  });

  it('says what waits, and removes a consumer only when nobody uses it', async () => {
    await ready();
    expect((await events(['streams'])).stdout).toBe('none\n');
    const mail = await service('mail-service', () => undefined);
    const shop = await service('shop-service');
    await orderCreated(shop, 'o-1');
    await soon(async () => expect(await effects(mail)).toEqual(['o-1']));
    expect((await events(['streams'])).stdout).toMatch(/order_v1 +order\.v1\.> +1 /);
    const name = 'mail-service__order_v1_OrderCreated';
    expect((await events(['consumers'])).stdout).toMatch(new RegExp(`${name} +0 +0 +0 +consumed`));
    expect(await events(['consumers', 'drop', name])).toMatchObject({
      code: 1,
      stderr: `events: ${name} is in use: a service waits for its events\n`,
    });
    await mail.close();
    await soon(async () => expect(await events(['consumers', 'drop', name])).toMatchObject({ code: 0 }));
  });

  it('answers in a shell, with exit codes', async () => {
    await ready();
    expect(await inShell(['dead', 'list'])).toEqual({ code: 0, stdout: 'no dead letters\n', stderr: '' });
    const missing = await inShell(['dead', 'show', '7']);
    expect(missing).toEqual({ code: 1, stdout: '', stderr: 'events: there is no dead letter 7\n' });
    const wrong = await inShell(['dead', 'burn']);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('dead takes list, show, replay or drop, got burn');
    expect(wrong.stderr).toContain('npm run events -- dead list');
  });

  it.each([
    [['dead', 'replay'], 'say which'],
    [['dead', 'drop', '--json'], 'say which'],
    [['dead', 'list', '5'], 'list takes no numbers'],
    [['streams', 'order_v1'], 'streams takes nothing, got order_v1'],
    [['consumers', 'order_v1'], 'consumers takes drop or nothing, got order_v1'],
    [['dead', 'show', 'x'], '"x" is no number of a dead letter'],
    [['--nothing'], "Unknown option '--nothing'"],
  ])('%j is refused', async (args, message) => {
    await ready();
    expect((await events(args)).stderr).toContain(message);
  });

  it('says when NATS is not there', async () => {
    await scenario.server.stop();
    const { stderr } = await events(['dead', 'list']);
    expect(stderr).toContain(`NATS at ${new URL(scenario.server.url).host} cannot be used`);
    expect((await events(['dead', 'list'], '')).stderr).toContain('NATS_URL is not set');
  });
});
