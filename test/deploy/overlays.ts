import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster } from '../../tools/doctor/deployment/cluster.js';
import { secretsOfStore } from '../../tools/doctor/deployment/external-secrets.js';
import { listKustomization } from '../../tools/doctor/deployment/kustomization.js';

/**
 * Every overlay of k8s/, as the cluster would see it. One without Secrets finds those that the operator has made, see
 * k8s/components/external-secrets.
 */
export const overlays = readdirSync('k8s/overlays').map((name) => {
  const folder = join('k8s/overlays', name);
  const { resources, files } = listKustomization(folder);
  const secrets = resources.some(({ kind }) => kind === 'Secret') ? [] : secretsOfStore('.');
  return { name, folder, cluster: new Cluster([...resources, ...secrets]), rendered: resources, files };
});

/** What an overlay may add to itself: what it consists of, and the cluster of the overlay for production with it. */
export const components = readdirSync('k8s/components').map((name) => {
  const folder = join('k8s/components', name);
  const base = listKustomization('k8s/overlays/prod').resources;
  const { resources, files } = listKustomization(folder, base);
  const own = resources.filter((resource) => !base.includes(resource));
  return { name, folder, resources: own, files, cluster: new Cluster([...resources, ...secretsOfStore('.')]) };
});

/** Those that run more than one replica of an app. */
export const replicated = overlays.filter(({ cluster }) => cluster.all('HorizontalPodAutoscaler').length > 0);
