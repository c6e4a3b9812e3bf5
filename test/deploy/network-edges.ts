import type { Cluster, Workload } from '../../tools/doctor/deployment/cluster.js';
import { type Selector, selects } from './pod-selection.js';
import type { Labels, Resource } from '../../tools/doctor/deployment/resource.js';

interface Peer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: { readonly matchLabels: Labels };
}

interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { protocol: string; port: number }[];
}

export interface Policy {
  readonly podSelector: Selector;
  readonly policyTypes: readonly ('Ingress' | 'Egress')[];
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
}

export const policiesOf = (resources: readonly Resource[]) =>
  resources
    .filter(({ kind }) => kind === 'NetworkPolicy')
    .map(({ metadata, spec }) => ({ name: metadata.name, policy: spec as unknown as Policy }));

/** `order-service → user-service:50051/TCP`; a peer of another namespace is `kube-system/k8s-app=kube-dns`. */
export interface Edges {
  /** What pods may call. */
  readonly egress: readonly string[];
  /** By whom pods may be called. */
  readonly ingress: readonly string[];
}

/** All that policies allow. A rule that leaves peers or ports out allows all of them, which is written as `anybody`, `any`. */
export function edgesOf(cluster: Cluster, resources: readonly Resource[] = cluster.resources): Edges {
  const pods = [...cluster.workloads, ...cluster.jobs];
  const edges = { egress: new Set<string>(), ingress: new Set<string>() };
  for (const { policy } of policiesOf(resources)) {
    for (const { name } of pods.filter(({ labels }) => selects(policy.podSelector, labels))) {
      for (const { to, ports } of policy.egress ?? [])
        for (const peer of named(to, pods))
          for (const port of numbered(ports)) edges.egress.add(`${name} → ${peer}:${port}`);
      for (const { from, ports } of policy.ingress ?? [])
        for (const peer of named(from, pods))
          for (const port of numbered(ports)) edges.ingress.add(`${peer} → ${name}:${port}`);
    }
  }
  return { egress: [...edges.egress].toSorted(), ingress: [...edges.ingress].toSorted() };
}

function named(peers: readonly Peer[] | undefined, pods: readonly Workload[]): string[] {
  if (!peers) return ['anybody'];
  return peers.flatMap(({ namespaceSelector, podSelector = {} }) => {
    if (!namespaceSelector) return pods.filter(({ labels }) => selects(podSelector, labels)).map(({ name }) => name);
    const [namespace] = Object.values(namespaceSelector.matchLabels);
    const labels = Object.entries(podSelector.matchLabels ?? {}).map(([label, value]) => `${label}=${value}`);
    return `${namespace}/${labels.join(',') || 'anybody'}`;
  });
}

function numbered(ports: Rule['ports']): string[] {
  return ports?.map(({ port, protocol }) => `${port}/${protocol}`) ?? ['any'];
}
