import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { SERVICE_HOSTS } from '@rookery/contracts';
import { declarationOf } from '@rookery/service';
import { expect, it } from 'vitest';
import { SERVICES } from '../../apps/platform/src/services.js';

it('the ports table of the protos (google.api.default_host) is what the services declare', () => {
  const declared = SERVICES.map((service) => declarationOf(service)).map(({ name, ports }) => ({
    name,
    port: ports.grpc,
  }));
  // An app may serve several gRPC services, and a proto may be of an app that is elsewhere.
  const apps = readdirSync(join(import.meta.dirname, '../../apps'));
  const hosts = Object.values(SERVICE_HOSTS).filter(({ name }) => apps.includes(name));
  const table = new Map(hosts.map(({ name, port }) => [`${name}:${port}`, { name, port }]));
  const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
  expect(declared.toSorted(byName)).toEqual([...table.values()].toSorted(byName));
});
