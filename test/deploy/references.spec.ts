import { describe, expect, it } from 'vitest';
import { targetOf } from '../../tools/doctor/deployment/cluster.js';
import type { Labels } from '../../tools/doctor/deployment/resource.js';
import { overlays } from './overlays.js';

describe.each(overlays)('overlay $name', ({ cluster }) => {
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
    expect(service.spec?.ports?.length).toBeGreaterThan(0);
    for (const port of service.spec!.ports!) expect(targetOf(selected[0]!, port)).toBeGreaterThan(0);
  });

  it.each(services)('the Service $name leads every client to where its pods listen', ({ name, service }) => {
    for (const { port } of service.spec!.ports!) expect(cluster.dial(name, port)).toBeGreaterThan(0);
  });

  it.each(cluster.workloads)('what $name refers to is there', (workload) => {
    const { pod, resource, container } = workload;
    expect(() => cluster.environmentOf(workload)).not.toThrow();
    if (resource.kind === 'StatefulSet') {
      expect(cluster.get('Service', resource.spec!.serviceName!).spec?.clusterIP).toBe('None');
    } else {
      expect(cluster.get('ServiceAccount', pod.serviceAccountName!)).toMatchObject({
        automountServiceAccountToken: false,
      });
    }
    for (const { configMap, secret } of pod.volumes ?? []) {
      if (configMap) expect(cluster.entries('ConfigMap', configMap.name)).not.toEqual({});
      if (secret) expect(cluster.entries('Secret', secret.secretName)).not.toEqual({});
    }
    const volumes = [...(pod.volumes ?? []), ...(resource.spec?.volumeClaimTemplates ?? []).map((c) => c.metadata)];
    const mounted = (container.volumeMounts ?? []).map((mount) => mount.name);
    expect(mounted.toSorted()).toEqual(volumes.map((volume) => volume.name).toSorted());
  });

  it('has no ConfigMap, Secret or ServiceAccount that nothing refers to', () => {
    const text = JSON.stringify(cluster.workloads.map(({ pod }) => pod));
    const unused = ['ConfigMap', 'Secret', 'ServiceAccount']
      .flatMap((kind) => cluster.all(kind))
      .filter(({ metadata }) => !text.includes(`":"${metadata.name}"`));
    expect(unused.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([]);
  });
});
