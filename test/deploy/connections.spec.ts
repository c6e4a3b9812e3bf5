import { readFileSync } from 'node:fs';
import { Environment, loadConfig } from '@rookery/config';
import { DatabaseConfig } from '@rookery/database';
import { expect, it } from 'vitest';
import { deployed } from './applications.js';
import type { Cluster } from '../../tools/doctor/deployment/cluster.js';
import { overlays } from './overlays.js';
import { replicasAtMost } from './replicas.js';

/** libs/database: LISTEN, advisory locks and the health check of a replica are on one connection beside its pool. */
const CONTROL = 1;
/** The session that has the lock of migrations. */
const MIGRATING = 1;
/** What max_connections keeps for superusers (superuser_reserved_connections). */
const RESERVED = 3;

interface Wanted {
  /** Of the service, outside of rollouts. */
  readonly replicas: number;
  /** Connections of each, its control connection included. */
  readonly each: number;
  readonly inAll: number;
}

/** All that the replicas of a service may hold, in the middle of a rollout, and its Job. */
function connectionsOf(cluster: Cluster, name: string): Wanted {
  const workload = cluster.workload(name);
  const [config] = loadConfig([DatabaseConfig], new Environment(cluster.environmentOf(workload)));
  expect(config.replicaUrls, name).toBeUndefined();
  const { maxSurge } = workload.resource.spec!.strategy!.rollingUpdate!;
  const replicas = replicasAtMost(cluster, name);
  // maxSurge counts no pod that is stopping, and one that is holds its connections until it has stopped.
  const pods = replicas + maxSurge! + 1;
  const each = config.poolMax + CONTROL;
  const job = cluster.jobs.some((one) => one.name === `${name}-migration`) ? CONTROL + MIGRATING : 0;
  return { replicas, each, inAll: pods * each + (config.migrate ? MIGRATING : 0) + job };
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, each) => all + each, 0);

it.each(overlays)('PostgreSQL of $name takes all connections that the replicas may open', ({ cluster }) => {
  const args = cluster.workload('postgres').container.args?.join(' ');
  const max = Number(/max_connections=(\d+)/.exec(args!)?.[1]);
  const withDatabase = deployed.filter(({ database }) => database);
  const wanted = sum(withDatabase.map(({ name }) => connectionsOf(cluster, name).inAll));
  expect(wanted).toBeGreaterThan(0);
  expect(wanted, `${withDatabase.length} services may want ${wanted} connections`).toBeLessThanOrEqual(max - RESERVED);
});

it('docs/scaling.md does the same sum for production', () => {
  const { cluster } = overlays.find(({ name }) => name === 'prod')!;
  const page = readFileSync('docs/scaling.md', 'utf8');
  const rows = [...page.matchAll(/^\| ([\w-]+-service) +\| +(\d+) \| +(\d+) \| +(\d+) \|$/gm)];
  expect(rows.length).toBeGreaterThan(0);
  for (const [, name, replicas, each, inAll] of rows) {
    const documented = { replicas: Number(replicas), each: Number(each), inAll: Number(inAll) };
    expect(documented, name).toEqual(connectionsOf(cluster, name!));
  }
  const [, together] = /^\| together .* (\d+) \|$/m.exec(page)!;
  expect(Number(together)).toBe(sum(rows.map(([, , , , inAll]) => Number(inAll))));
});
