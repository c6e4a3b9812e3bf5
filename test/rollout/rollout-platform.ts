import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@rookery/embedded';
import { createTestDatabase } from '@rookery/testing';
import { type Servers, startServers } from '../../tools/infra/index.js';
import { AppProcess } from '../app-process.js';
import { applications, deployed } from '../deploy/applications.js';
import { overlays } from '../deploy/overlays.js';
import { Balancer } from './balancer.js';
import { Deployment, type PodTemplate } from './deployment.js';
import { NameServer } from './name-server.js';

/** How many pods there are of each; two where nothing is said. */
const REPLICAS: Readonly<Record<string, number>> = { 'user-service': 3 };
/** Milliseconds. */
const MIN_READY = 1_000;

/** gRPC's client asks this name server, not the resolver of the machine. */
const RESOLVER = { GRPC_NODE_USE_ALTERNATIVE_RESOLVER: 'true' };

/** Linux has all of 127.0.0.0/8; so several runs on one machine have addresses of their own. */
const NETWORK = process.platform === 'linux' ? 1 + Math.floor(Math.random() * 250) : 77;
const addressOf = (pod: number) => `127.${NETWORK}.0.${pod}`;

/** Why there can be no pods with addresses of their own here; undefined when there can. */
export async function obstacle(): Promise<string | undefined> {
  const server = createServer();
  const listening = once(server, 'listening').then(
    () => undefined,
    () => `no address ${addressOf(1)}: for n in $(seq 1 40); do sudo ifconfig lo0 alias 127.${NETWORK}.0.$n; done`,
  );
  server.listen(0, addressOf(1));
  const reason = await listening;
  server.close();
  return reason;
}

/** The deployed platform, as processes on this machine: each pod has an address of its own, 127.x.0.n. */
export class RolloutPlatform {
  readonly deployments = new Map<string, Deployment>();
  private pods = 0;

  private constructor(
    private readonly dir: string,
    readonly servers: Servers,
    private readonly names: NameServer,
    private readonly gateway: Balancer,
    private readonly ports: { readonly grpc: number; readonly http: number },
    private readonly databases: ReadonlyMap<string, string>,
  ) {}

  static async start(): Promise<RolloutPlatform> {
    const dir = await mkdtemp(join(tmpdir(), 'rookery-rollout-'));
    const servers = await startServers({ dir, env: { PATH: process.env['PATH'] } });
    const databases = new Map<string, string>();
    for (const { name } of deployed) databases.set(name, (await createTestDatabase(servers.databaseUrl)).url);
    const ports = { grpc: await freePort(), http: await freePort() };
    const names = await NameServer.start();
    const platform = new RolloutPlatform(dir, servers, names, await Balancer.start(ports.http), ports, databases);
    try {
      await Promise.all(applications.map(({ name }) => platform.deploy(name)));
    } catch (error) {
      await platform.stop();
      throw error;
    }
    return platform;
  }

  /** The REST interface, as it is reached from outside. */
  get api(): string {
    return `${this.gateway.url}/v1`;
  }

  /** How another pod reaches a service. */
  target(service: string): string {
    return this.names.target(service, this.ports.grpc);
  }

  /** What the Job of a release does before its rollout. @returns the exit code */
  migrate(app: string, bundle: string): Promise<number | NodeJS.Signals | null> {
    return AppProcess.spawn(app, this.environment(app, '127.0.0.1'), ['migrate'], bundle).exit();
  }

  /** Replaces all pods, of all deployments at once. @param bundles what they run from now on, by app, if it is another */
  async rollOut(bundles: Readonly<Record<string, string>> = {}): Promise<void> {
    const deployments = [...this.deployments];
    await Promise.all(deployments.map(([app, deployment]) => deployment.rollOut(this.template(app, bundles[app]))));
  }

  /** Terminates all pods. */
  async terminate(): Promise<void> {
    await Promise.all([...this.deployments.values()].map((deployment) => deployment.stop()));
  }

  private template(app: string, bundle?: string): PodTemplate {
    const probe = (address: string) => `http://${address}:${this.ports.http}/health/ready`;
    return { probe, start: (address) => AppProcess.start(app, this.environment(app, address), probe(address), bundle) };
  }

  async stop(): Promise<void> {
    await this.terminate();
    this.gateway.close();
    this.names.close();
    await this.servers.stop();
    await rm(this.dir, { recursive: true, force: true });
  }

  private async deploy(app: string): Promise<void> {
    const { terminationGracePeriodSeconds } = cluster.workload(app).pod;
    const policy = {
      replicas: REPLICAS[app] ?? 2,
      minReady: MIN_READY,
      grace: terminationGracePeriodSeconds! * 1_000,
    };
    const onEndpoints = (endpoints: readonly string[]) =>
      app === 'gateway' ? this.gateway.set(endpoints) : this.names.set(app, endpoints);
    const address = () => addressOf(++this.pods);
    const deployment = new Deployment(app, policy, this.template(app), address, onEndpoints);
    this.deployments.set(app, deployment);
    await deployment.scaleUp();
  }

  /** What the manifests give it, but for where everything is. */
  private environment(app: string, address: string): Record<string, string> {
    const { grpc, http } = this.ports;
    const given = cluster.environmentOf(cluster.workload(app));
    const here: Record<string, string> = {
      DATABASE_URL: this.databases.get(app) ?? '',
      REDIS_URL: this.servers.redisUrl,
      NATS_URL: this.servers.natsUrl,
      GRPC_HOST: address,
      GRPC_PORT: String(grpc),
      HTTP_HOST: address,
      HTTP_PORT: String(http),
    };
    for (const name of Object.keys(given)) {
      const service = /^(\w+_SERVICE)_URL$/.exec(name)?.[1]?.toLowerCase().replaceAll('_', '-');
      if (service) here[name] = this.target(service);
    }
    const hosts = ['GRPC_HOST', 'HTTP_HOST'];
    const needed = Object.entries(here).filter(([name]) => name in given || hosts.includes(name));
    return { ...given, ...Object.fromEntries(needed), ...RESOLVER, LOG_LEVEL: 'warn' };
  }
}

const { cluster } = overlays.find(({ name }) => name === 'dev')!;
