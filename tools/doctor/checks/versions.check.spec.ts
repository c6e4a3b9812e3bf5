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

it('the lock has what package.json asks for no more', async () => {
  workspace.edit('package.json', '"pg": "8.23.1"', '');
  const { findings } = await workspace.examine(versions);
  const what = 'package-lock.json has pg for package.json, which does not ask for it';
  expect(findings).toMatchObject([
    { severity: 'error', what, fix: 'Run `npm install`, and commit package-lock.json.' },
  ]);
});

it('a package is missing', async () => {
  workspace.delete('node_modules/pg');
  const { findings } = await workspace.examine(versions);
  expect(findings).toMatchObject([{ what: 'pg 8.23.1 is locked, none is installed', fix: 'Run `npm ci`.' }]);
});

it('packages of packages are missing, but for those of other platforms', async () => {
  const locked = Array.from(
    { length: 7 },
    (_, index) => `"node_modules/pg/node_modules/p${index}":{"version":"1.0.0"},`,
  );
  const other = '"node_modules/pg-darwin":{"version":"1.0.0","optional":true},';
  workspace.edit('package-lock.json', '"packages":{', `"packages":{${other}${locked.join('')}`);
  workspace.write('node_modules/pg/node_modules/p0/package.json', '{ "version": "1.0.0" }');
  const { findings } = await workspace.examine(versions);
  expect(findings).toMatchObject([{ severity: 'error', where: 'node_modules', fix: 'Run `npm ci`.' }]);
  const lines = findings[0]!.what.split('\n');
  expect(lines).toHaveLength(7);
  expect(lines[1]).toBe('node_modules/pg/node_modules/p1: 1.0.0 is locked, none is installed');
  expect(lines.at(-1)).toBe('and 1 more');
});

it.each(['package.json', 'package-lock.json'])('%s has the marks of a conflict', async (path) => {
  workspace.edit(path, '{', '{\n<<<<<<< HEAD');
  const { findings } = await workspace.examine(versions);
  expect(findings).toMatchObject([
    { severity: 'error', what: expect.stringContaining(`could not be checked: ${path}: `) },
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
