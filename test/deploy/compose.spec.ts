import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readYaml } from '../../tools/doctor/deployment/kustomization.js';
import { services } from './applications.js';
import { isPinned } from './image.js';
import { overlays } from './overlays.js';

const DATABASES_SCRIPT = 'k8s/base/infra/postgres/create-databases.sh';

interface ComposeService {
  image: string;
  environment?: Record<string, string>;
  ports: string[];
  volumes: string[];
  healthcheck: { test: string[] };
}

interface Compose {
  services: Record<'postgres' | 'redis' | 'nats', ComposeService>;
  volumes: Record<string, unknown>;
}

const documents = readYaml('docker-compose.yml') as Compose[];
const compose = documents[0]!;
const all = Object.entries(compose.services).map(([name, service]) => ({ name, service }));

it('docker-compose.yml is one document with the infrastructure', () => {
  expect(documents).toHaveLength(1);
  expect(all.map(({ name }) => name)).toEqual(['postgres', 'redis', 'nats']);
});

it.each(all)('$name: a pinned image, the one that Kubernetes runs', ({ name, service }) => {
  expect(isPinned(service.image), service.image).toBe(true);
  for (const { cluster } of overlays) expect(cluster.workload(name).container.image).toBe(service.image);
});

it.each(all)('$name: published on 127.0.0.1 only, the ports that Kubernetes has', ({ name, service }) => {
  const published = service.ports.map((entry) => /^127\.0\.0\.1:(\d+):\1$/.exec(entry)?.[1]);
  for (const { cluster } of overlays) {
    const ports = cluster.workload(name).container.ports?.map(({ containerPort }) => String(containerPort));
    expect(published).toEqual(ports);
  }
});

it.each(all)('$name: has a health check', ({ service }) => {
  expect(service.healthcheck.test[0]).toBe('CMD');
  expect(service.healthcheck.test.length).toBeGreaterThan(1);
});

it('every volume that is named is declared, and used; every file that is mounted exists', () => {
  const sources = all.flatMap(({ service }) => service.volumes.map((volume) => volume.split(':')[0]!));
  const files = sources.filter((source) => source.startsWith('.'));
  const named = sources.filter((source) => !source.startsWith('.'));
  expect(files).toEqual([`./${DATABASES_SCRIPT}`]);
  expect(files.filter((file) => !existsSync(file))).toEqual([]);
  expect(named.toSorted()).toEqual(Object.keys(compose.volumes).toSorted());
});

it('a database for each service that has one, with a password from compose and from Kubernetes', () => {
  const databases = services.flatMap(({ database }) => database ?? []);
  const created = /^for service in (.+); do$/m.exec(readFileSync(DATABASES_SCRIPT, 'utf8'))?.[1]?.split(' ');
  expect(created?.toSorted()).toEqual(databases.toSorted());
  const passwords = ['POSTGRES_PASSWORD', ...databases.map((name) => `${name.toUpperCase()}_PASSWORD`)].toSorted();
  expect(Object.keys(compose.services.postgres.environment!).toSorted()).toEqual(passwords);
  for (const { cluster } of overlays) {
    expect(Object.keys(cluster.environmentOf(cluster.workload('postgres'))).toSorted()).toEqual(passwords);
  }
});

it('the commands in its comment name each service, its own role and its own database', () => {
  const text = readFileSync('docker-compose.yml', 'utf8');
  for (const { name, database } of services) {
    if (!database) continue;
    const password = compose.services.postgres.environment![`${database.toUpperCase()}_PASSWORD`];
    const url = `postgres://${database}:${password}@127.0.0.1:5432/${database}`;
    expect(text).toContain(`#   DATABASE_URL=${url} npx nest start ${name}\n`);
  }
});
