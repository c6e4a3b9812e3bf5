import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestDatabase, createTestDatabase } from '@rookery/testing';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { AppProcess } from '../app-process.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
});
afterAll(() => database.drop());

/** `npm run migration -- …` */
async function migration(args: string[], environment: Record<string, string> = {}) {
  const { PATH, HOME, TMPDIR } = process.env;
  const child = spawn(process.execPath, [join('tools/setup/migration.mjs'), ...args], {
    env: { PATH, HOME, TMPDIR, LOG_FORMAT: 'json', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { code: child.exitCode, output, errors };
}

/** With a password that may not be shown; the test server takes any. */
function secret(url: string): URL {
  const it = new URL(url);
  it.password ||= 'hush';
  return it;
}

describe('npm run migration', () => {
  it('works on the database that npm start gives the service, and says which that is', async () => {
    const url = secret(database.url);
    const environment = { USER_SERVICE_DATABASE_URL: url.href, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' };
    const where = `the database ${url.pathname.slice(1)} on ${url.host}`;
    const run = await migration(['user-service', 'run'], environment);
    expect(run).toMatchObject({ code: 0, output: expect.stringContaining(`migrating ${where}`) });
    const reverted = await migration(['user-service', 'revert'], environment);
    expect(reverted.output).toContain(`reverting in ${where}\nreverted CreateUsers1700000000100`);
    const shown = await migration(['user-service', 'show'], environment);
    expect(shown.output).toContain('pending  CreateUsers1700000000100');
    for (const { output, errors } of [run, reverted, shown]) expect(output + errors).not.toContain(url.password);
  });

  it.each(['gateway', 'platform'])('refuses %s, which has no database', async (app) => {
    expect(await migration([app, 'run'])).toEqual({
      code: 64,
      output: '',
      errors: `${app} has no database, and so no migrations\n`,
    });
  });
});

it.each([
  { app: 'gateway', args: ['migrate'], says: 'unknown argument "migrate"; there is none' },
  { app: 'platform', args: ['--port', '1'], says: 'unknown argument "--port 1"; there is none' },
  { app: 'user-service', args: ['migrate', 'back'], says: 'unknown argument "migrate back"; there is "migrate [' },
])('$app refuses $args with 64', async ({ app, args, says }) => {
  const process = AppProcess.spawn(app, {}, args);
  expect(await process.exit()).toBe(64);
  expect(process.output).toContain(says);
});
