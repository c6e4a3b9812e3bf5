import type { Container, KeyReference, Labels, PodSpec, Resource, ServicePort } from './resource.js';

/** A Deployment, a StatefulSet or a Job, with what it runs. All of them here have one container. */
export interface Workload {
  readonly name: string;
  readonly resource: Resource;
  readonly labels: Labels;
  readonly pod: PodSpec;
  readonly container: Container;
}

/** The resources of an overlay as the cluster sees them: by kind and name. */
export class Cluster {
  constructor(readonly resources: readonly Resource[]) {}

  all(kind: string): Resource[] {
    return this.resources.filter((resource) => resource.kind === kind);
  }

  /** @throws {Error} when there is none */
  get(kind: string, name: string): Resource {
    const found = this.all(kind).find(({ metadata }) => metadata.name === name);
    if (!found) throw new Error(`there is no ${kind} ${name}`);
    return found;
  }

  /** What runs on and on, and may be called. */
  get workloads(): Workload[] {
    return this.running('Deployment', 'StatefulSet');
  }

  /** What runs once. */
  get jobs(): Workload[] {
    return this.running('Job');
  }

  private running(...kinds: string[]): Workload[] {
    return kinds
      .flatMap((kind) => this.all(kind))
      .map((resource) => {
        const { spec: pod, metadata } = resource.spec?.template ?? {};
        const [container, ...others] = pod?.containers ?? [];
        if (!pod || !container || others.length > 0)
          throw new Error(`the ${resource.kind} ${resource.metadata.name} has not exactly one container`);
        return { name: resource.metadata.name, resource, labels: metadata?.labels ?? {}, pod, container };
      });
  }

  /** @throws {Error} when there is none */
  workload(name: string): Workload {
    const found = this.workloads.find((workload) => workload.name === name);
    if (!found) throw new Error(`there is no Deployment or StatefulSet ${name}`);
    return found;
  }

  /** The workloads whose pods a Service sends calls to. */
  behind(service: Resource): Workload[] {
    const selector = Object.entries((service.spec?.selector ?? {}) as Labels);
    return this.workloads.filter(({ labels }) => selector.every(([label, value]) => labels[label] === value));
  }

  /**
   * The port on the containers that a client reaches when it dials `name:port`.
   * @throws {Error} when no Service of that name has that port, or it leads nowhere
   */
  dial(name: string, port: number): number {
    const service = this.get('Service', name);
    const entry = service.spec?.ports?.find((candidate) => candidate.port === port);
    if (!entry) throw new Error(`the Service ${name} has no port ${port}`);
    const [workload] = this.behind(service);
    if (!workload) throw new Error(`the Service ${name} selects no pods`);
    const target = targetOf(workload, entry);
    // The name of a headless Service resolves to the pods themselves: nothing in between translates the port.
    if (service.spec?.clusterIP === 'None' && target !== port) {
      throw new Error(`the Service ${name} is headless, but its port ${port} is ${target} on the pods`);
    }
    return target;
  }

  /**
   * The environment that a workload's container starts with.
   * @throws {Error} when it refers to a ConfigMap, a Secret or a key that is not there
   */
  environmentOf({ name, container }: Workload): Record<string, string> {
    const variables: Record<string, string> = {};
    for (const { configMapRef, secretRef } of container.envFrom ?? []) {
      if (configMapRef) Object.assign(variables, this.entries('ConfigMap', configMapRef.name));
      if (secretRef) Object.assign(variables, this.entries('Secret', secretRef.name));
    }
    for (const { name: variable, value, valueFrom } of container.env ?? []) {
      const { configMapKeyRef, secretKeyRef } = valueFrom ?? {};
      if (value !== undefined) variables[variable] = value;
      else if (configMapKeyRef) variables[variable] = this.entry('ConfigMap', configMapKeyRef);
      else if (secretKeyRef) variables[variable] = this.entry('Secret', secretKeyRef);
      else throw new Error(`${name}: ${variable} comes from nowhere that this reads`);
    }
    return variables;
  }

  entries(kind: 'ConfigMap' | 'Secret', name: string): Record<string, string> {
    const { data, stringData } = this.get(kind, name);
    if (kind === 'Secret' && data) throw new Error(`the Secret ${name} has data; in examples use stringData`);
    return { ...data, ...stringData };
  }

  private entry(kind: 'ConfigMap' | 'Secret', { name, key }: KeyReference): string {
    const value = this.entries(kind, name)[key];
    if (value === undefined) throw new Error(`the ${kind} ${name} has no key ${key}`);
    return value;
  }
}

/** The container port that a port, by name or number, means. @throws {Error} when the container has no such port */
export function containerPort({ name, container }: Workload, port: string | number): number {
  const found = container.ports?.find((candidate) => candidate.name === port || candidate.containerPort === port);
  if (!found) throw new Error(`${name} has no container port ${port}`);
  return found.containerPort;
}

export function targetOf(workload: Workload, { port, targetPort = port }: ServicePort): number {
  return containerPort(workload, targetPort);
}
