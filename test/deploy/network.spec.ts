import { CacheConfig } from '@rookery/cache';
import { MessagingConfig } from '@rookery/messaging';
import { describe, expect, it } from 'vitest';
import { applications, deployed, gateway } from './applications.js';
import type { Cluster } from '../../tools/doctor/deployment/cluster.js';
import { edgesOf, policiesOf } from './network-edges.js';
import { components, overlays } from './overlays.js';
import { selects } from './pod-selection.js';

/** Where the pods of others are that ours call, or are called by. */
const DNS = 'kube-system/k8s-app=kube-dns';
const INGRESS = 'traefik/app.kubernetes.io/name=traefik';
const PROMETHEUS = 'monitoring/app.kubernetes.io/name=prometheus';

/** `postgres:5432/TCP` */
function serverPort(cluster: Cluster, name: string, port: string): string {
  const found = cluster.workload(name).container.ports?.find((candidate) => candidate.name === port);
  return `${name}:${found?.containerPort}/TCP`;
}

/** What the code says: the clients that modules declare, and their database, cache and bus. */
function declaredEdges(cluster: Cluster): string[] {
  const calls = applications.flatMap((app) =>
    app.calls.map((fullName) => {
      const { name } = deployed.find(({ serves }) => serves.includes(fullName))!;
      return `${app.name} → ${serverPort(cluster, name, 'grpc')}`;
    }),
  );
  const servers = deployed.flatMap(({ name, database, config }) => [
    ...(database ? [`${name} → ${serverPort(cluster, 'postgres', 'postgres')}`] : []),
    ...(config.includes(CacheConfig) ? [`${name} → ${serverPort(cluster, 'redis', 'redis')}`] : []),
    ...(config.includes(MessagingConfig) ? [`${name} → ${serverPort(cluster, 'nats', 'client')}`] : []),
  ]);
  const migrations = cluster.jobs.map(({ name }) => `${name} → ${serverPort(cluster, 'postgres', 'postgres')}`);
  return [...new Set([...calls, ...servers, ...migrations])];
}

describe.each(overlays)('overlay $name', ({ cluster }) => {
  const declared = declaredEdges(cluster);
  const hasIngress = cluster.all('Ingress').length > 0;

  it('lets pods call what the code calls, and nothing else', () => {
    const callers = [...applications, ...cluster.jobs].map(({ name }) => name);
    const lookups = callers.flatMap((name) => [`${name} → ${DNS}:53/TCP`, `${name} → ${DNS}:53/UDP`]);
    expect(edgesOf(cluster).egress).toEqual([...declared, ...lookups].toSorted());
  });

  it('lets pods be called by who calls them, and nobody else', () => {
    const fromOutside = hasIngress ? [`${INGRESS} → ${serverPort(cluster, gateway.name, 'http')}`] : [];
    expect(edgesOf(cluster).ingress).toEqual([...declared, ...fromOutside].toSorted());
  });

  it.each([...cluster.workloads, ...cluster.jobs])('$name may do nothing that no policy allows', ({ labels }) => {
    const policies = policiesOf(cluster.resources).filter(({ policy }) => selects(policy.podSelector, labels));
    const types = policies.flatMap(({ policy }) => policy.policyTypes);
    expect(types).toEqual(expect.arrayContaining(['Ingress', 'Egress']));
  });

  it('has no policy whose rules are of a kind that it does not name', () => {
    for (const { name, policy } of policiesOf(cluster.resources)) {
      expect(policy.policyTypes.includes('Ingress') || policy.ingress === undefined, name).toBe(true);
      expect(policy.policyTypes.includes('Egress') || policy.egress === undefined, name).toBe(true);
    }
  });

  it('lets Prometheus read the metrics of each app when monitoring is added', () => {
    const { resources } = components.find(({ name }) => name === 'monitoring')!;
    const scraped = applications.map(({ name }) => `${PROMETHEUS} → ${serverPort(cluster, name, 'http')}`);
    expect(edgesOf(cluster, resources)).toEqual({ egress: [], ingress: scraped.toSorted() });
  });
});
