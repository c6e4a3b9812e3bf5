import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { buildArguments } from './build-image.mjs';
import { chooseEngine, type Engine } from './engine.mjs';
import { closure } from './packages.mjs';

describe('the engine', () => {
  const only = (working: Engine) => (engine: Engine) => (engine === working ? undefined : 'not installed');

  it.each(['docker', 'podman', 'buildah'] as const)('is %s where no other answers', (engine) => {
    expect(chooseEngine({ complaint: only(engine) })).toBe(engine);
  });

  it('is Docker before all others', () => {
    expect(chooseEngine({ complaint: () => undefined })).toBe('docker');
  });

  it('is the one that was asked for, or none', () => {
    expect(chooseEngine({ wanted: 'buildah', complaint: () => undefined })).toBe('buildah');
    expect(() => chooseEngine({ wanted: 'buildah', complaint: only('docker') })).toThrow('  - buildah: not installed');
  });

  it('that is missing is explained, with what to install', () => {
    const complaint = (engine: Engine) =>
      engine === 'docker' ? 'Cannot connect to the Docker daemon' : 'not installed';
    expect(() => chooseEngine({ complaint })).toThrow(
      [
        'No container engine works here. What was tried:',
        '  - docker: Cannot connect to the Docker daemon',
        '  - podman: not installed',
        '  - buildah: not installed',
        'Start Docker, or install an engine (Debian: apt-get install podman; macOS: brew install podman).',
      ].join('\n'),
    );
  });
});

describe('the build', () => {
  const image = {
    app: 'user-service',
    tag: 'rookery/user-service',
    version: '1.2.3',
    revision: 'abc',
    more: ['--pull'],
  };

  it('names the app, where it comes from, and the base where one is given', () => {
    expect(buildArguments({ ...image, engine: 'docker', base: 'localhost/node' }).join(' ')).toBe(
      'build --build-arg APP=user-service --build-arg VERSION=1.2.3 --build-arg REVISION=abc ' +
        '--build-arg NODE_IMAGE=localhost/node --tag rookery/user-service --pull .',
    );
  });

  it.each(['podman', 'buildah'] as const)('keeps the HEALTHCHECK with %s', (engine) => {
    expect(buildArguments({ ...image, engine })).toContain('--format=docker');
  });
});

describe('npm run image', () => {
  const run = (...words: string[]) =>
    spawnSync(process.execPath, ['tools/image/main.mjs', ...words], { encoding: 'utf8' });

  it.each([
    [[], 'Which app?'],
    [['no-service'], 'There is no app "no-service" in apps/.'],
    [['../user-service'], 'There is no app "../user-service" in apps/.'],
    [['user-service', 'gateway'], 'One app at a time, not "user-service gateway".'],
    [['user-service', '--engine', 'lxc'], '--engine takes docker, podman, buildah, not "lxc".'],
    [['user-service', '--what'], "Unknown option '--what'"],
  ])('refuses %j with exit code 64', (words, message) => {
    const { status, stderr } = run(...words);
    expect(stderr).toContain(message);
    expect(stderr).toContain('usage: npm run image -- <app>');
    expect(status).toBe(64);
  });
});

describe('the packages beside a bundle', () => {
  it('are those that it names and what they need, each as deep as Node.js looks for it', () => {
    const packages = {
      '': {},
      'node_modules/a': { dependencies: { b: '2', c: '1', '@types/node': '1' }, optionalDependencies: { d: '1' } },
      'node_modules/a/node_modules/b': { dependencies: { c: '1' } },
      'node_modules/b': {},
      'node_modules/c': {
        dependencies: { a: '1' },
        peerDependencies: { e: '1', f: '1' },
        peerDependenciesMeta: { f: { optional: true } },
      },
      'node_modules/d': {},
      'node_modules/e': {},
      'node_modules/f': {},
      'node_modules/@types/node': {},
    };
    expect(closure(['a'], packages)).toEqual([
      'node_modules/a',
      'node_modules/a/node_modules/b',
      'node_modules/c',
      'node_modules/e',
    ]);
  });

  it('have to be in the lock file', () => {
    const packages = { '': {}, 'node_modules/a': { dependencies: { b: '1' } } };
    expect(() => closure(['a'], packages)).toThrow('node_modules/a needs b, which package-lock.json does not have');
  });
});
