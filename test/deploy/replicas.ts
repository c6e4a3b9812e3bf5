import type { Cluster } from '../../tools/doctor/deployment/cluster.js';
import type { Resource } from '../../tools/doctor/deployment/resource.js';

/** What the specs read of a HorizontalPodAutoscaler. */
export interface Autoscaler {
  readonly scaleTargetRef: { readonly apiVersion: string; readonly kind: string; readonly name: string };
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly metrics: readonly {
    resource: { name: 'cpu' | 'memory'; target: { averageUtilization?: number; averageValue?: string } };
  }[];
}

export const autoscalerIn = ({ spec }: Resource) => spec as unknown as Autoscaler;

/** The autoscaler of a workload; undefined when it has a fixed number of replicas. */
export function autoscalerOf(cluster: Cluster, name: string): Autoscaler | undefined {
  return cluster
    .all('HorizontalPodAutoscaler')
    .map(autoscalerIn)
    .find(({ scaleTargetRef }) => scaleTargetRef.name === name);
}

export function replicasAtMost(cluster: Cluster, name: string): number {
  return autoscalerOf(cluster, name)?.maxReplicas ?? cluster.workload(name).resource.spec!.replicas ?? 1;
}

export function replicasAtLeast(cluster: Cluster, name: string): number {
  return autoscalerOf(cluster, name)?.minReplicas ?? cluster.workload(name).resource.spec!.replicas ?? 1;
}
