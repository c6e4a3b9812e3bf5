import { Environment, loadConfig } from '@rookery/config';
import { DatabaseConfig } from '@rookery/database';
import { MessagingConfig } from '@rookery/messaging';
import { ShutdownConfig } from '@rookery/service';
import { describe, expect, it } from 'vitest';
import { CHANNEL_OPTIONS } from '@rookery/grpc';
import { applications, deployed } from './applications.js';
import { overlays, replicated } from './overlays.js';
import { replicasAtLeast, replicasAtMost } from './replicas.js';

/** Milliseconds that CoreDNS, as clusters have it, lets an answer be kept (`ttl` of its kubernetes plugin). */
const DNS_TTL = 5_000;
/** Milliseconds that the manifests may leave beyond the longest stop. */
const MARGIN = 15_000;

describe.each(overlays)('overlay $name', ({ cluster }) => {
  it.each(applications)('$name is replaced one by one, and never missed', ({ name }) => {
    const { strategy } = cluster.workload(name).resource.spec!;
    expect(strategy).toEqual({ rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } });
  });

  it.each(deployed)('clients of $name have found the new pod before the next old one goes', ({ name }) => {
    const { minReadySeconds } = cluster.workload(name).resource.spec!;
    const lookup = CHANNEL_OPTIONS['grpc.dns_min_time_between_resolutions_ms']!;
    expect(minReadySeconds! * 1000).toBeGreaterThanOrEqual(lookup + DNS_TTL);
  });

  // environment.spec.ts: it has no less time than it may take.
  it.each(applications)('$name has not much more time to stop than it may take', ({ name, config }) => {
    const environment = new Environment(cluster.environmentOf(cluster.workload(name)));
    const [{ drain, timeout }] = loadConfig([ShutdownConfig], environment);
    // One without events has the time of those with.
    const events = config.includes(MessagingConfig)
      ? loadConfig([MessagingConfig], environment)[0].drainTimeout
      : 10_000;
    const longest = drain + timeout + (deployed.some((each) => each.name === name) ? 3 * events + 12_000 : 0);
    const grace = cluster.workload(name).pod.terminationGracePeriodSeconds! * 1000;
    expect(grace).toBeLessThanOrEqual(longest + MARGIN);
  });

  it.each(deployed.filter(({ database }) => database))('the migrations of $name are run by somebody', ({ name }) => {
    const [{ migrate }] = loadConfig([DatabaseConfig], new Environment(cluster.environmentOf(cluster.workload(name))));
    const job = cluster.jobs.find((each) => each.name === `${name}-migration`);
    expect(job !== undefined).toBe(!migrate);
    if (!job) return;
    const service = cluster.workload(name);
    expect(job.container.image).toBe(service.container.image);
    expect(job.container.args).toEqual(['migrate']);
    const [own, ofService] = [job, service].map((each) => cluster.environmentOf(each).DATABASE_URL);
    expect(own).toBe(ofService);
  });
});

describe.each(replicated)('overlay $name', ({ cluster }) => {
  it.each(applications)('$name goes on when a node or a zone is lost', ({ name }) => {
    expect(replicasAtLeast(cluster, name)).toBeGreaterThanOrEqual(2);
    expect(replicasAtMost(cluster, name)).toBeGreaterThan(replicasAtLeast(cluster, name));
    const keys = cluster.workload(name).pod.topologySpreadConstraints?.map(({ topologyKey }) => topologyKey);
    expect(keys).toEqual(['topology.kubernetes.io/zone', 'kubernetes.io/hostname']);
  });
});
