import { execFile } from 'node:child_process';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EventsOperator } from '@rookery/messaging';
import { NatsScenario } from './nats-scenario.fixture.js';
import { operator } from './nats-server.fixture.js';
import { soon } from './scenario.fixture.js';
import { effectController, effects, orderCreated } from './services.fixture.js';

let scenario: NatsScenario;

beforeEach(async () => {
  scenario = await NatsScenario.start();
});
afterEach(() => scenario.close());

/** `npm run events -- …`, without npm. */
function events(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, NATS_URL: scenario.server.url };
  return new Promise((resolve) => {
    const command = ['--import', 'tsx', 'tools/events/main.ts', ...args];
    execFile(process.execPath, command, { env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

it('a dead letter that cannot be replayed keeps no other from it, and the command says which is which', async () => {
  let broken = true;
  const service = (name: string) =>
    scenario.service({
      name,
      env: { EVENTS_MAX_DELIVERIES: '1' },
      controllers: [
        effectController(() => {
          if (broken) throw new Error('no');
        }),
      ],
    });
  const shop = await scenario.service({ name: 'shop' });
  const gone = await service('gone-service');
  await orderCreated(shop, 'o-1');
  const letters = await EventsOperator.connect(scenario.server.url);
  await soon(async () => expect(await letters.deadLetters.list()).toHaveLength(1));
  await gone.close();
  const mail = await service('mail-service');
  await soon(async () => expect(await letters.deadLetters.list()).toHaveLength(2));
  // A service that was done away with, with all it had in NATS.
  const { nats, jetstream } = await operator(scenario.server.url);
  await jetstream.consumers.delete('replays', 'gone-service__replays');
  await nats.close();
  broken = false;
  const outcome = await events('dead', 'replay', '--all');
  expect(outcome).toMatchObject({ code: 1, stdout: 'replayed 2\n' });
  expect(outcome.stderr).toContain('not replayed:\n  1: gone-service takes no replays from this NATS');
  await soon(async () => expect(await effects(mail)).toEqual(['o-1']));
  expect((await letters.deadLetters.list()).map(({ sequence }) => sequence)).toEqual([1]);
  await letters.close();
});
