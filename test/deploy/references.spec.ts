import { describe, expect, it } from 'vitest';
import { targetOf } from '../../tools/doctor/deployment/cluster.js';
import { policiesOf } from './network-edges.js';
import { overlays } from './overlays.js';
import { type Selector, selects } from './pod-selection.js';
import { autoscalerIn } from './replicas.js';
import type { Labels } from '../../tools/doctor/deployment/resource.js';

interface Ingress {
  tls: { hosts: string[]; secretName: string }[];
  rules: { host: string; http: { paths: { backend: { service: { name: string; port: { name: string } } } }[] } }[];
}

describe.each(overlays)('overlay $name', ({ cluster }) => {
  const pods = [...cluster.workloads, ...cluster.jobs];
  const services = cluster.all('Service').map((service) => ({ name: service.metadata.name, service }));

  it.each(cluster.workloads)('$name selects its own pods and no others', ({ name, resource, labels }) => {
    const { matchLabels } = resource.spec!.selector as { matchLabels: Labels };
    expect(labels).toMatchObject(matchLabels);
    const service = { ...resource, spec: { selector: matchLabels } };
    expect(cluster.behind(service).map((workload) => workload.name)).toEqual([name]);
  });

  it.each(services)('the Service $name selects one workload and ports that it has', ({ service }) => {
    const selected = cluster.behind(service);
    expect(selected).toHaveLength(1);
    const selector = { matchLabels: service.spec!.selector as Labels };
    expect(cluster.jobs.filter(({ labels }) => selects(selector, labels))).toEqual([]);
    expect(service.spec?.ports?.length).toBeGreaterThan(0);
    for (const port of service.spec!.ports!) expect(targetOf(selected[0]!, port)).toBeGreaterThan(0);
  });

  it.each(services)('the Service $name leads every client to where its pods listen', ({ name, service }) => {
    for (const { port } of service.spec!.ports!) expect(cluster.dial(name, port)).toBeGreaterThan(0);
  });

  it.each(pods)('what $name refers to is there', (workload) => {
    const { pod, resource, container } = workload;
    expect(() => cluster.environmentOf(workload)).not.toThrow();
    if (resource.kind === 'StatefulSet') {
      expect(cluster.get('Service', resource.spec!.serviceName!).spec?.clusterIP).toBe('None');
    }
    expect(cluster.get('ServiceAccount', pod.serviceAccountName!)).toMatchObject({
      automountServiceAccountToken: false,
    });
    for (const { configMap, secret } of pod.volumes ?? []) {
      if (configMap) expect(cluster.entries('ConfigMap', configMap.name)).not.toEqual({});
      if (secret) expect(cluster.entries('Secret', secret.secretName)).not.toEqual({});
    }
    const volumes = [...(pod.volumes ?? []), ...(resource.spec?.volumeClaimTemplates ?? []).map((c) => c.metadata)];
    const mounted = (container.volumeMounts ?? []).map((mount) => mount.name);
    expect(mounted.toSorted()).toEqual(volumes.map((volume) => volume.name).toSorted());
  });

  it('has no ConfigMap, Secret or ServiceAccount that nothing refers to', () => {
    const text = JSON.stringify(pods.map(({ pod }) => pod));
    const unused = ['ConfigMap', 'Secret', 'ServiceAccount']
      .flatMap((kind) => cluster.all(kind))
      .filter(({ metadata }) => !text.includes(`":"${metadata.name}"`));
    expect(unused.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([]);
  });

  it('each autoscaler scales a Deployment that has no number of its own, and asks for what it measures', () => {
    const autoscalers = cluster.all('HorizontalPodAutoscaler').map(autoscalerIn);
    const targets = autoscalers.map(({ scaleTargetRef: { apiVersion, kind, name } }) => {
      const { resource, container } = cluster.workload(name);
      expect({ apiVersion, kind }).toEqual({ apiVersion: resource.apiVersion, kind: resource.kind });
      // A number would undo, at each apply, what the autoscaler has done.
      expect(resource.spec).not.toHaveProperty('replicas');
      expect(container.resources?.requests).toMatchObject({ cpu: expect.any(String), memory: expect.any(String) });
      return name;
    });
    expect(new Set(targets).size).toBe(targets.length);
    if (targets.length > 0) expect(targets).toHaveLength(cluster.all('Deployment').length);
  });

  it('each disruption budget is for the pods of one Deployment, and each Deployment has one', () => {
    const budgets = cluster.all('PodDisruptionBudget').map(({ spec }) => spec!.selector as Selector);
    const protectedOnes = budgets.map((selector) => pods.filter(({ labels }) => selects(selector, labels)));
    expect(protectedOnes.map((selected) => selected.length)).toEqual(budgets.map(() => 1));
    const names = protectedOnes.flat().map(({ name }) => name);
    expect(names.toSorted()).toEqual(
      cluster
        .all('Deployment')
        .map(({ metadata }) => metadata.name)
        .toSorted(),
    );
  });

  it('each Ingress leads to ports of Services that it names, and its certificate comes from somewhere', () => {
    for (const { spec, metadata } of cluster.all('Ingress')) {
      const { tls, rules } = spec as unknown as Ingress;
      expect(tls.flatMap(({ hosts }) => hosts)).toEqual(rules.map(({ host }) => host));
      const issuer = metadata.annotations?.['cert-manager.io/cluster-issuer'];
      for (const { secretName } of tls) if (!issuer) cluster.get('Secret', secretName);
      for (const { service } of rules.flatMap(({ http }) => http.paths.map(({ backend }) => backend))) {
        const ports = cluster.get('Service', service.name).spec!.ports!.map(({ name }) => name);
        expect(ports).toContain(service.port.name);
      }
    }
  });

  it('each network policy is for pods that there are, and names pods that there are', () => {
    for (const { name, policy } of policiesOf(cluster.resources)) {
      // Nothing selects the pods of other namespaces here, nor those of Jobs in an overlay that has none.
      const own = [...(policy.ingress ?? []), ...(policy.egress ?? [])]
        .flatMap(({ from, to }) => [...(from ?? []), ...(to ?? [])])
        .flatMap(({ podSelector, namespaceSelector }) => (namespaceSelector ? [] : [podSelector!]));
      for (const selector of [policy.podSelector, ...own]) {
        const selected = pods.filter(({ labels }) => selects(selector, labels));
        expect(selected.length, `${name}: ${JSON.stringify(selector)}`).toBeGreaterThan(0);
      }
    }
  });

  it.each(cluster.workloads)('$name is spread by its own labels', ({ pod, labels }) => {
    for (const { labelSelector } of pod.topologySpreadConstraints ?? []) {
      expect(selects(labelSelector, labels)).toBe(true);
    }
  });
});
