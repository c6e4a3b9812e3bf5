import { Environment, loadConfig } from '@rookery/config';
import { DatabaseConfig } from '@rookery/database';
import { targetConfig } from '@rookery/grpc';
import { MessagingConfig } from '@rookery/messaging';
import { ShutdownConfig } from '@rookery/service';
import { expect, it } from 'vitest';
import { GatewayConfig } from '../../apps/gateway/src/gateway.config.js';
import { type Application, gateway, services } from './applications.js';
import { composed, environmentOf, publishedBy } from './compose.js';
import { overlays } from './overlays.js';
import { DEFAULT_PORTS, infrastructureOf, variablesOf } from './variables.js';

const apps: readonly Application[] = [...services, gateway];
const withDatabase = services.filter(({ database }) => database);
/** What `docker compose up --scale user-service=3` may do to any of them. */
const REPLICAS = 3;

/** What Kubernetes has of an app in development, when it runs it. */
const inKubernetes = (name: string) =>
  overlays
    .filter((overlay) => overlay.name === 'dev')
    .flatMap(({ cluster }) => cluster.workloads.filter((workload) => workload.name === name));

const environment = (name: string) => new Environment(environmentOf(name));
const serverOf = (fullName: string) => services.find(({ serves }) => serves.includes(fullName))!.name;

it.each(apps)('$name is built from this folder, as the image that the overlay for development runs', ({ name }) => {
  const { image, build, pull_policy: policy } = composed(name);
  expect(build).toEqual({ context: '.', args: { APP: name } });
  expect(policy).toBe('build');
  expect(image).toBe(`rookery/${name}:dev`);
  for (const { container } of inKubernetes(name)) expect(container.image).toBe(image);
});

it.each(apps)('$name has no rights, and writes nowhere but to /tmp', ({ name }) => {
  expect(composed(name)).toMatchObject({
    read_only: true,
    tmpfs: ['/tmp'],
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
  });
});

it.each(apps)('$name has as much memory as in Kubernetes', ({ name }) => {
  const [, limit] = /^(\d+)m$/.exec(composed(name).mem_limit ?? '') ?? [];
  expect(limit).toBeDefined();
  for (const { container } of inKubernetes(name)) expect(container.resources?.limits?.['memory']).toBe(`${limit}Mi`);
});

it.each(apps)('$name knows every variable that it is given, and starts in production with them', (application) => {
  const known = variablesOf(application);
  expect(Object.keys(environmentOf(application.name)).filter((name) => !known.includes(name))).toEqual([]);
  expect(environmentOf(application.name)['NODE_ENV']).toBe('production');
  expect(loadConfig(application.config, environment(application.name))).toHaveLength(application.config.length);
});

it.each(services)(
  '$name listens on 50051 and 8080, and may be scaled: nothing of it is there once only',
  ({ name }) => {
    expect(environmentOf(name)).toMatchObject({ GRPC_PORT: '50051', HTTP_PORT: '8080' });
    expect(composed(name).ports).toBeUndefined();
    expect(composed(name).container_name).toBeUndefined();
  },
);

it('the gateway alone is published, where it listens, and has its documentation', () => {
  const [{ port, docsEnabled }] = loadConfig([GatewayConfig], environment(gateway.name));
  expect([...publishedBy(composed(gateway.name))]).toEqual([[port, port]]);
  expect(docsEnabled).toBe(true);
});

it.each(apps.flatMap(({ name, calls }) => calls.map((fullName) => ({ name, fullName }))))(
  '$name reaches $fullName, on every replica of it',
  ({ name, fullName }) => {
    const [{ target }] = loadConfig([targetConfig({ fullName })], environment(name));
    const server = serverOf(fullName);
    expect(target).toBe(`dns:///${server}:${environmentOf(server)['GRPC_PORT']}`);
  },
);

it.each(services)('$name reaches its infrastructure', (service) => {
  for (const variable of infrastructureOf(service)) {
    const { protocol, hostname, port } = new URL(environmentOf(service.name)[variable]!);
    const ports = [...publishedBy(composed(hostname)).keys()];
    expect(ports, variable).toContain(Number(port) || DEFAULT_PORTS[protocol]);
  }
});

it.each(services)('$name is started when what it needs is healthy, and nothing else', (service) => {
  const servers = infrastructureOf(service).map((variable) => new URL(environmentOf(service.name)[variable]!).hostname);
  const needed = new Set([...servers, ...service.calls.map(serverOf)]);
  const healthy = [...needed].map((name) => [name, { condition: 'service_healthy' }]);
  expect(composed(service.name).depends_on ?? {}).toEqual(Object.fromEntries(healthy));
});

it('the gateway is started when every service is healthy', () => {
  const healthy = services.map(({ name }) => [name, { condition: 'service_healthy' }]);
  expect(composed(gateway.name).depends_on).toEqual(Object.fromEntries(healthy));
});

it.each(withDatabase)('$name has a database and a role', ({ name, database }) => {
  const { username, password, pathname } = new URL(environmentOf(name)['DATABASE_URL']!);
  expect({ username, database: pathname.slice(1) }).toEqual({ username: database, database });
  expect(password).toBe(environmentOf('postgres')[`${database!.toUpperCase()}_PASSWORD`]);
});

it(`PostgreSQL takes the connections of ${REPLICAS} replicas of each service`, () => {
  const max = Number(/max_connections=(\d+)/.exec(composed('postgres').command!.join(' '))?.[1]);
  // Beside its pool a replica has one for control, one of them migrates, and three are kept for superusers.
  const wanted = withDatabase.map(({ name }) => {
    return REPLICAS * (loadConfig([DatabaseConfig], environment(name))[0].poolMax + 1) + 1;
  });
  expect(wanted.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(max - 3);
});

it.each(apps)('$name has the time to stop that it may take, as in Kubernetes', ({ name, config }) => {
  const grace = Number(/^(\d+)s$/.exec(composed(name).stop_grace_period!)?.[1]);
  const [{ drain, timeout }] = loadConfig([ShutdownConfig], environment(name));
  // stop-service.ts: the drain, the running calls, the event handlers, twice as long for the outbox's relay, and connections.
  const events = config.includes(MessagingConfig) ? loadConfig([MessagingConfig], environment(name))[0] : undefined;
  expect(grace * 1000).toBeGreaterThan(drain + timeout + (events ? 3 * events.drainTimeout + 12_000 : 0));
  for (const { pod } of inKubernetes(name)) expect(pod.terminationGracePeriodSeconds).toBe(grace);
});
