import { afterEach, beforeEach, expect, it } from 'vitest';
import { TestWorkspace } from '../workspace.fixture.js';
import { isAtLeast } from './bad-versions.js';
import { versions } from './versions.check.js';

let workspace: TestWorkspace;
beforeEach(() => void (workspace = new TestWorkspace()));
afterEach(() => workspace.remove());

/** Asks for a package, locks it and installs it. */
function add(name: string, version: string): void {
  const packages = { '': { dependencies: { [name]: version } }, [`node_modules/${name}`]: { version } };
  workspace.write('package.json', JSON.stringify({ dependencies: { [name]: version } }));
  workspace.write('package-lock.json', JSON.stringify({ packages }));
  workspace.write(`node_modules/${name}/package.json`, JSON.stringify({ version }));
}

it('finds nothing where all is well', async () => {
  expect(await workspace.examine(versions)).toEqual({ findings: [] });
});

it.each([
  ['20.18.3', false],
  ['18.20.0', false],
  ['20.19.0', true],
  ['24.1.0', true],
])('Node.js %s: %s', async (node, good) => {
  const { findings } = await workspace.examine(versions, { node });
  const expected = { severity: 'error', fix: 'Install Node.js 20.19.0 or newer.' };
  expect(findings).toMatchObject(good ? [] : [expected]);
});

it.each([
  ['typescript', '7.0.2', 'Use typescript ~6.0.3.'],
  ['vitest', '5.0.0', 'Use vitest 4.1, or Node.js 22 or newer.'],
  ['keyv', '6.1.0', 'Use keyv 5.6, or Node.js 22 or newer.'],
  ['@opentelemetry/sdk-node', '0.224.0', 'Use @opentelemetry/sdk-node 0.223, or Node.js 22 or newer.'],
  ['@nestjs/schematics', '11.0.9', 'Use @nestjs/schematics 12.0.6.'],
  ['@bufbuild/buf', '1.75.0', 'Use @bufbuild/buf 1.74.0.'],
  ['cache-manager-redis-yet', '5.1.5', 'Use @keyv/redis, or the cache of @rookery/cache.'],
  ['nats', '2.29.3', 'Use @nats-io/transport-node and @nats-io/jetstream 3.'],
])('%s %s is known not to work', async (name, version, fix) => {
  add(name, version);
  const { findings } = await workspace.examine(versions);
  expect(findings).toMatchObject([{ severity: 'error', what: expect.stringContaining(`${name} ${version}`), fix }]);
});

it('leaves to Node.js 22 what needs it', async () => {
  add('vitest', '5.0.0');
  expect((await workspace.examine(versions, { node: '22.12.0' })).findings).toEqual([]);
});

it('what is installed is not what is locked', async () => {
  workspace.write('node_modules/pg/package.json', '{ "version": "8.11.0" }');
  const { findings } = await workspace.examine(versions);
  expect(findings).toMatchObject([
    { what: 'pg 8.23.1 is locked, 8.11.0 is installed', where: 'package.json:3', fix: 'Run `npm ci`.' },
  ]);
});

it('the lock is of another package.json', async () => {
  workspace.edit('package.json', '8.23.1', '8.24.0');
  const { findings } = await workspace.examine(versions);
  expect(findings).toMatchObject([
    { where: 'package.json:3', fix: 'Run `npm install`, and commit package-lock.json.' },
  ]);
});

it('a package that knows only its own objects is there twice', async () => {
  workspace.edit('package-lock.json', '"packages":{', '"packages":{"node_modules/x/node_modules/rxjs":{},');
  const { findings } = await workspace.examine(versions);
  expect(findings).toMatchObject([{ what: expect.stringContaining('rxjs'), where: 'package-lock.json' }]);
});

it.each([
  ['10.0.0', '9.9.9', true],
  ['1.2.3', '1.2.3', true],
  ['1.2.3', '1.2.4', false],
  ['18.4.0-beta.17', '18.4.0', true],
])('%s is at least %s: %s', (version, other, is) => {
  expect(isAtLeast(version, other)).toBe(is);
});
