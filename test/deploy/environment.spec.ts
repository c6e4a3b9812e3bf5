import { Environment, loadConfig } from '@rookery/config';
import { targetConfig } from '@rookery/grpc';
import { MessagingConfig } from '@rookery/messaging';
import { ShutdownConfig } from '@rookery/service';
import { describe, expect, it } from 'vitest';
import { GatewayConfig } from '../../apps/gateway/src/gateway.config.js';
import { applications, deployed, gateway } from './applications.js';
import { overlays } from './overlays.js';
import { DEFAULT_PORTS, infrastructureOf, variablesOf } from './variables.js';

describe.each(overlays)('overlay $name', ({ cluster }) => {
  const variables = (name: string) => cluster.environmentOf(cluster.workload(name));
  const environment = (name: string) => new Environment(variables(name));
  const portOf = (name: string, port: string) =>
    cluster.workload(name).container.ports?.find((candidate) => candidate.name === port)?.containerPort;

  it('runs every app', () => {
    const run = cluster.all('Deployment').map(({ metadata }) => metadata.name);
    expect(run.toSorted()).toEqual(applications.map(({ name }) => name).toSorted());
  });

  it.each(applications)('$name knows every variable that it is given', (application) => {
    const known = variablesOf(application);
    expect(known).toContain('NODE_ENV');
    expect(Object.keys(variables(application.name)).filter((name) => !known.includes(name))).toEqual([]);
  });

  it.each(applications)('$name starts in production with what it is given', ({ name, config }) => {
    expect(variables(name)['NODE_ENV']).toBe('production');
    expect(loadConfig(config, environment(name))).toHaveLength(config.length);
  });

  it.each(deployed)('$name listens on 50051 and 8080, and says so', ({ name }) => {
    expect(variables(name)).toMatchObject({ GRPC_PORT: '50051', HTTP_PORT: '8080' });
    expect([portOf(name, 'grpc'), portOf(name, 'http')]).toEqual([50051, 8080]);
  });

  it('the gateway listens where its container port is', () => {
    const [{ port }] = loadConfig([GatewayConfig], environment(gateway.name));
    expect(portOf(gateway.name, 'http')).toBe(port);
  });

  it.each(deployed)('$name is asked by gRPC for a service that it serves', ({ name, serves }) => {
    const probe = cluster.workload(name).container.readinessProbe?.grpc;
    expect(serves).toContain(probe?.service);
    expect(probe?.port).toBe(portOf(name, 'grpc'));
  });

  // The protos' default_host has a port for each service, as on one machine; in containers all of them have the same.
  it.each(applications.flatMap(({ name, calls }) => calls.map((fullName) => ({ name, fullName }))))(
    '$name reaches $fullName, on every pod of it',
    ({ name, fullName }) => {
      const [{ target }] = loadConfig([targetConfig({ fullName })], environment(name));
      const [, host, port] = /^dns:\/\/\/([\w-]+):(\d+)$/.exec(target) ?? [];
      expect(host, target).toBeDefined();
      expect(deployed.find((service) => service.name === host)?.serves).toContain(fullName);
      expect(cluster.get('Service', host!).spec?.clusterIP).toBe('None');
      expect(cluster.dial(host!, Number(port))).toBe(portOf(host!, 'grpc'));
    },
  );

  it.each(deployed)('$name reaches its infrastructure', ({ name, config, database }) => {
    const given = variables(name);
    const urls = infrastructureOf({ name, config, calls: [] });
    expect(urls.includes('DATABASE_URL')).toBe(database !== undefined);
    for (const variable of urls) {
      const { protocol, hostname, port } = new URL(given[variable]!);
      expect(cluster.dial(hostname, Number(port) || DEFAULT_PORTS[protocol]!), variable).toBeGreaterThan(0);
    }
  });

  it.each(deployed.filter(({ database }) => database))('$name has a database and a role', ({ name, database }) => {
    const server = cluster.environmentOf(cluster.workload('postgres'));
    const { username, password, pathname } = new URL(variables(name)['DATABASE_URL']!);
    expect({ username, database: pathname.slice(1) }).toEqual({ username: database, database });
    expect(decodeURIComponent(password)).toBe(server[`${database!.toUpperCase()}_PASSWORD`]);
  });

  it.each(deployed)('$name has the time to stop that it may take', ({ name, config }) => {
    const [{ drain, timeout }] = loadConfig([ShutdownConfig], environment(name));
    // stop-service.ts: the drain, the running calls, the event handlers, twice as long for the outbox's relay, and connections.
    const events = config.includes(MessagingConfig) ? loadConfig([MessagingConfig], environment(name))[0] : undefined;
    const longest = drain + timeout + (events ? 3 * events.drainTimeout + 12_000 : 0);
    expect(cluster.workload(name).pod.terminationGracePeriodSeconds).toBeGreaterThan(longest / 1000);
  });

  it('the gateway has the time to stop that it may take', () => {
    const [{ drain, timeout }] = loadConfig([ShutdownConfig], environment(gateway.name));
    expect(cluster.workload(gateway.name).pod.terminationGracePeriodSeconds).toBeGreaterThan((drain + timeout) / 1000);
  });
});
