import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DCLinter } from 'dclint';
import { describe, expect, it } from 'vitest';
import { readYaml } from '../../tools/doctor/deployment/kustomization.js';
import { gateway, services } from './applications.js';
import { COMPOSE_FILE, INFRASTRUCTURE, OBSERVABILITY, compose, composed, publishedBy } from './compose.js';
import { isPinned } from './image.js';
import { overlays } from './overlays.js';

const DATABASES_SCRIPT = 'k8s/base/infra/postgres/create-databases.sh';
const apps = [...services, gateway].map(({ name }) => name);

const all = Object.entries(compose.services).map(([name, service]) => ({ name, service }));
const infrastructure = INFRASTRUCTURE.map((name) => ({ name, service: composed(name) }));

/** Compose's own schema, and rules that tell mistakes from matters of taste. */
const linter = new DCLinter({
  rules: {
    // It does not see pull_policy through an anchor; compose-apps.spec.ts looks at it.
    'no-build-and-image': 0,
    'no-duplicate-container-names': 2,
    'no-duplicate-exported-ports': 2,
    'no-quotes-in-volumes': 0,
    'no-unbound-port-interfaces': 2,
    'no-version-field': 2,
    'require-project-name-field': 2,
    'require-quotes-in-ports': 2,
    'service-container-name-regex': 2,
    'service-dependencies-alphabetical-order': 0,
    'service-image-require-explicit-tag': 0,
    'service-keys-order': 0,
    'service-ports-alphabetical-order': 0,
    'services-alphabetical-order': 0,
    'top-level-properties-order': 0,
  },
  quiet: false,
  debug: false,
  exclude: [],
});

/** What is wrong with a file. */
function complaintsAbout(path: string): string[] {
  // Its own types are not found from ESM.
  const results = linter.lintFiles([path], false) as { messages: { message: string }[] }[];
  return results.flatMap(({ messages }) => messages.map(({ message }) => message));
}

describe('docker-compose.yml', () => {
  it('is valid by the schema of Compose', () => {
    expect(complaintsAbout(COMPOSE_FILE)).toEqual([]);
  });

  it.each([
    ['read_only: true', 'read_only: true\n  readonly: true', 'must NOT have additional properties'],
    ['    depends_on:', '    depends_on: 1\n    x-was:', 'must be'],
    ["'127.0.0.1:6379:6379'", "'6379:6379'", 'redis'],
  ])('would not be, with %j as %j', (from, to, complaint) => {
    const folder = mkdtempSync(join(tmpdir(), 'rookery-compose-'));
    const broken = readFileSync(COMPOSE_FILE, 'utf8').replace(from, to);
    writeFileSync(join(folder, COMPOSE_FILE), broken);
    try {
      expect(complaintsAbout(join(folder, COMPOSE_FILE)).join('\n')).toContain(complaint);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const hasCompose = spawnSync('docker', ['compose', 'version']).status === 0;
  if (!hasCompose) console.warn('skipped: there is no docker compose on the PATH, which would read the file too');
  it.skipIf(!hasCompose)('is read by docker compose, with every profile', () => {
    const { status, stderr } = spawnSync('docker', ['compose', '--profile', '*', 'config', '--quiet'], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  it('is one document with the infrastructure, every app of the workspace, and a profile to look at them', () => {
    expect(readYaml(COMPOSE_FILE)).toHaveLength(1);
    expect(all.map(({ name }) => name).toSorted()).toEqual([...INFRASTRUCTURE, ...apps, ...OBSERVABILITY].toSorted());
    for (const { name, service } of all) {
      expect(service.profiles, name).toEqual(OBSERVABILITY.includes(name) ? ['observability'] : undefined);
    }
  });
});

it.each(infrastructure)('$name: a pinned image, the one that Kubernetes runs', ({ name, service }) => {
  expect(isPinned(service.image), service.image).toBe(true);
  for (const { cluster } of overlays) expect(cluster.workload(name).container.image).toBe(service.image);
});

it.each(all)('$name: a pinned image', ({ service }) => expect(isPinned(service.image), service.image).toBe(true));

it.each(infrastructure)('$name: published on 127.0.0.1 only, the ports that Kubernetes has', ({ name, service }) => {
  const published = (service.ports ?? []).map((entry) => /^127\.0\.0\.1:(\d+):\1$/.exec(entry)?.[1]);
  for (const { cluster } of overlays) {
    const ports = cluster.workload(name).container.ports?.map(({ containerPort }) => String(containerPort));
    expect(published).toEqual(ports);
  }
});

it('publishes each port once, on 127.0.0.1 only', () => {
  const published = all.flatMap(({ service }) => [...publishedBy(service).values()]);
  expect(new Set(published).size).toBe(published.length);
});

it.each(infrastructure)('$name: has a health check', ({ service }) => {
  expect(service.healthcheck?.test[0]).toBe('CMD');
  expect(service.healthcheck!.test.length).toBeGreaterThan(1);
});

it('every volume that is named is declared, and used; every file that is mounted exists', () => {
  const sourcesOf = (names: string[]) =>
    names.flatMap((name) => (composed(name).volumes ?? []).map((volume) => volume.split(':')[0]!));
  const isFile = (source: string) => source.startsWith('.');
  expect(sourcesOf(INFRASTRUCTURE).filter(isFile)).toEqual([`./${DATABASES_SCRIPT}`]);
  expect(sourcesOf(apps)).toEqual([]);
  const sources = sourcesOf(Object.keys(compose.services));
  expect(sources.filter(isFile).filter((file) => !existsSync(file))).toEqual([]);
  const named = sources.filter((source) => !isFile(source));
  expect(named.toSorted()).toEqual(Object.keys(compose.volumes).toSorted());
});

it('what is mounted from this folder cannot be written to', () => {
  const mounts = all.flatMap(({ service }) => service.volumes ?? []).filter((volume) => volume.startsWith('.'));
  expect(mounts.filter((mount) => !mount.endsWith(':ro'))).toEqual([]);
});

it('a database for each service that has one, with a password from compose and from Kubernetes', () => {
  const databases = services.flatMap(({ database }) => database ?? []);
  const created = /^for service in (.+); do$/m.exec(readFileSync(DATABASES_SCRIPT, 'utf8'))?.[1]?.split(' ');
  expect(created?.toSorted()).toEqual(databases.toSorted());
  const passwords = ['POSTGRES_PASSWORD', ...databases.map((name) => `${name.toUpperCase()}_PASSWORD`)].toSorted();
  expect(Object.keys(composed('postgres').environment!).toSorted()).toEqual(passwords);
  for (const { cluster } of overlays) {
    expect(Object.keys(cluster.environmentOf(cluster.workload('postgres'))).toSorted()).toEqual(passwords);
  }
});

it('the commands in its comment name each service, its own role and its own database', () => {
  const text = readFileSync(COMPOSE_FILE, 'utf8');
  expect(text).toContain(`#   docker compose up --detach --wait ${INFRASTRUCTURE.join(' ')}\n`);
  for (const { name, database } of services) {
    if (!database) continue;
    const password = composed('postgres').environment![`${database.toUpperCase()}_PASSWORD`];
    const url = `postgres://${database}:${password}@127.0.0.1:5432/${database}`;
    expect(text).toContain(`#   DATABASE_URL=${url} npx nest start ${name}\n`);
  }
});
