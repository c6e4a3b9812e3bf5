import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster } from '../../tools/doctor/deployment/cluster.js';
import { listKustomization } from '../../tools/doctor/deployment/kustomization.js';

/** Every overlay of k8s/, as the cluster would see it. */
export const overlays = readdirSync('k8s/overlays').map((name) => {
  const { resources, files } = listKustomization(join('k8s/overlays', name));
  return { name, cluster: new Cluster(resources), files };
});
