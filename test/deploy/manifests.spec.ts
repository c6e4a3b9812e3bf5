import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { containerPort } from '../../tools/doctor/deployment/cluster.js';
import type { Resource } from '../../tools/doctor/deployment/resource.js';
import { isPinned } from './image.js';
import { componentProblems, manifestProblems } from './manifest-schema.js';
import { components, overlays } from './overlays.js';

const idOf = ({ kind, metadata }: Resource) => `${kind} ${metadata.name}`;

it('k8s/ has no file that no overlay uses, and no component that one may add', () => {
  const present = readdirSync('k8s', { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'README.md')
    .map((entry) => join(entry.parentPath, entry.name));
  const used = new Set([...overlays, ...components].flatMap(({ files }) => files));
  expect(present.length).toBeGreaterThan(0);
  expect(present.filter((path) => !used.has(path))).toEqual([]);
});

describe.each(overlays)('overlay $name', ({ cluster }) => {
  const { resources, workloads, jobs } = cluster;
  const pods = [...workloads, ...jobs];

  it('has no resource twice', () => {
    const ids = resources.map(idOf);
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
  });

  it.each(resources.map((resource) => ({ id: idOf(resource), resource })))('$id is what Kubernetes takes', (each) => {
    expect(manifestProblems(each.resource)).toEqual([]);
  });

  it.each(pods)('$name runs a pinned image', ({ container }) => {
    expect(isPinned(container.image), container.image).toBe(true);
  });

  it.each(pods)('$name is given as little as it needs', ({ pod, container }) => {
    expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: expect.any(Number),
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(container.volumeMounts?.map(({ mountPath }) => mountPath)).toContain('/tmp');
    expect(Object.keys(container.resources?.requests ?? {})).toEqual(['cpu', 'memory']);
    expect(container.resources?.limits).toHaveProperty('memory');
  });

  it.each(workloads)('$name is probed for start, life and readiness, on ports it has', (workload) => {
    const { startupProbe, livenessProbe, readinessProbe } = workload.container;
    for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
      expect(probe).toBeDefined();
      const port = probe?.httpGet?.port ?? probe?.grpc?.port ?? probe?.tcpSocket?.port;
      if (port === undefined) expect(probe?.exec?.command.length).toBeGreaterThan(0);
      else expect(containerPort(workload, port)).toBeGreaterThan(0);
    }
  });
});

describe.each(components)('component $name', ({ resources, cluster }) => {
  it('leaves of the overlay for production what Kubernetes takes', () => {
    const problems = cluster.resources.flatMap((each) => {
      return componentProblems(each).map((problem) => `${idOf(each)}${problem}`);
    });
    expect(problems).toEqual([]);
  });

  it.each(resources.map((resource) => ({ id: idOf(resource), resource })))(
    '$id is what its definition takes',
    (each) => {
      expect(componentProblems(each.resource)).toEqual([]);
    },
  );
});

it('a field that Kubernetes or a custom resource does not have is a problem', () => {
  const [{ cluster }] = overlays as [(typeof overlays)[0]];
  const service = structuredClone(cluster.get('Service', 'gateway'));
  Object.assign(service.spec!, { selektor: {} });
  expect(manifestProblems(service)).toEqual([expect.stringContaining('selektor')]);
  const custom = components.flatMap(({ resources }) => resources).find(({ kind }) => kind === 'ServiceMonitor')!;
  const monitor = structuredClone(custom);
  Object.assign(monitor.spec!, { selektor: {} });
  expect(componentProblems(monitor)).toEqual([expect.stringContaining('selektor')]);
});
