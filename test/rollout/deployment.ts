import { setTimeout as sleep } from 'node:timers/promises';
import type { AppProcess } from '../app-process.js';

/** Kubernetes' own default is a second; the manifests ask every two. Milliseconds. */
const PROBE_PERIOD = 500;
/** Probes in a row that have to fail before a pod gets no more connections. */
const FAILURE_THRESHOLD = 2;

/** How a pod is started, with an address of its own. */
export interface PodTemplate {
  start(address: string): Promise<AppProcess>;
  /** Its readiness probe. */
  probe(address: string): string;
}

/** How a Deployment replaces its pods. */
export interface Policy {
  readonly replicas: number;
  /** Milliseconds that a new pod is ready before it counts. */
  readonly minReady: number;
  /** Milliseconds from SIGTERM to SIGKILL. */
  readonly grace: number;
}

interface Pod {
  readonly address: string;
  readonly process: AppProcess;
  readonly stopProbing: () => Promise<void>;
  ready: boolean;
}

/**
 * Does with processes what Kubernetes does with the pods of a Deployment: readiness decides who is an endpoint, a
 * terminating pod is none from the moment of its SIGTERM, a rollout replaces one pod after the other with maxSurge 1 and
 * maxUnavailable 0.
 */
export class Deployment {
  /** Pods that were replaced. */
  replaced = 0;
  /** How terminated pods ended: 0 each, when all is well. */
  readonly exits: (number | NodeJS.Signals | null)[] = [];
  private pods: Pod[] = [];
  private readonly ending = new Set<Promise<void>>();

  /**
   * @param addresses gives an address that no other pod has
   * @param onEndpoints told of the addresses of the pods that are ready, at each change
   */
  constructor(
    readonly name: string,
    private readonly policy: Policy,
    private template: PodTemplate,
    private readonly addresses: () => string,
    private readonly onEndpoints: (addresses: readonly string[]) => void,
  ) {}

  async scaleUp(): Promise<void> {
    for (let count = 0; count < this.policy.replicas; count += 1) await this.add();
  }

  /** Replaces every pod by one of `template`. */
  async rollOut(template = this.template): Promise<void> {
    this.template = template;
    for (const old of this.pods) {
      await this.add();
      await sleep(this.policy.minReady);
      this.terminate(old);
      this.replaced += 1;
    }
  }

  /** Terminates all pods. */
  async stop(): Promise<void> {
    for (const pod of this.pods) this.terminate(pod);
    await Promise.all(this.ending);
  }

  private async add(): Promise<void> {
    const address = this.addresses();
    const process = await this.template.start(address);
    const stopping = new AbortController();
    const probing = this.probe(address, stopping.signal);
    const stopProbing = () => {
      stopping.abort();
      return probing;
    };
    this.pods = [...this.pods, { address, process, stopProbing, ready: true }];
    this.publish();
  }

  /** It is no endpoint any more, and told to stop, at the same time and in no order. */
  private terminate(pod: Pod): void {
    this.pods = this.pods.filter((other) => other !== pod);
    const end = async () => {
      const killed = new AbortController();
      const grace = sleep(this.policy.grace, undefined, { signal: killed.signal }).then(
        () => pod.process.kill(),
        () => undefined,
      );
      this.exits.push(await pod.process.end('SIGTERM'));
      killed.abort();
      await Promise.all([grace, pod.stopProbing()]);
    };
    const ended = end().finally(() => this.ending.delete(ended));
    this.ending.add(ended);
    this.publish();
  }

  private async probe(address: string, signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      await sleep(PROBE_PERIOD, undefined, { signal }).catch(() => undefined);
      const pod = this.pods.find((each) => each.address === address);
      if (!pod) continue;
      const ok = await fetch(this.template.probe(address), { signal: AbortSignal.timeout(2_000) }).then(
        (response) => response.ok,
        () => false,
      );
      failures = ok ? 0 : failures + 1;
      const ready = ok || (pod.ready && failures < FAILURE_THRESHOLD);
      if (ready === pod.ready) continue;
      pod.ready = ready;
      this.publish();
    }
  }

  private publish(): void {
    this.onEndpoints(this.pods.filter(({ ready }) => ready).map(({ address }) => address));
  }
}
