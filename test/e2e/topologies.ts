import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SERVICE_HOSTS } from '@rookery/contracts';
import { freePort } from '@rookery/embedded';
import { type TestDatabase, createTestDatabase } from '@rookery/testing';
import { AppProcess } from '../app-process.js';

const SAMPLES = ['user-service', 'order-service', 'notification-service'] as const;
type Sample = (typeof SAMPLES)[number];
/** Services that were added to the workspace run as well. */
export type ServiceName = Sample | (string & {});
const SERVICES: readonly ServiceName[] = Object.values(SERVICE_HOSTS).map(({ name }) => name);

/** Real servers, for the topology that needs them. */
export interface ServerUrls {
  databaseUrl: string;
  redisUrl: string;
  natsUrl: string;
}

/** How the distributed topology differs from one process per service with its defaults. */
export interface Spread {
  /** How many processes a service gets; one by default. */
  replicas?: Partial<Record<string, number>>;
  /** Variables for all of them. */
  environment?: Record<string, string>;
}

/** The whole platform, running; how it is spread over processes is not the suite's business. */
export interface RunningPlatform {
  readonly restUrl: string;
  /** gRPC targets, each of all replicas of a service. */
  readonly grpc: Readonly<Record<Sample, string>> & Readonly<Record<string, string>>;
  /** Where probes and metrics are, by the name of the process; a service's first replica is called like the service. */
  readonly probes: Readonly<Record<Sample, string>> & Readonly<Record<string, string>>;
  /** The processes by the name of their app; further replicas are `order-service-2` and so on. */
  readonly processes: ReadonlyMap<string, AppProcess>;
  /** Starts a process that has ended once more, where it was. Resolves when it is ready. */
  startAgain(process: string): Promise<void>;
  /** Stops everything. @returns the exit codes */
  stop(): Promise<unknown[]>;
}

/** One process of a service. */
interface Place {
  readonly name: string;
  readonly service: ServiceName;
  readonly grpc: number;
  readonly http: number;
}

async function placesOf(replicas: Spread['replicas'] = {}): Promise<Place[]> {
  const places = SERVICES.flatMap((service) =>
    Array.from({ length: replicas[service] ?? 1 }, async (_, index) => ({
      name: index === 0 ? service : `${service}-${index + 1}`,
      service,
      grpc: await freePort(),
      http: await freePort(),
    })),
  );
  return Promise.all(places);
}

const prefixOf = (service: string) => service.replaceAll('-', '_').toUpperCase();
const QUIET = { LOG_LEVEL: 'info', LOG_FORMAT: 'json' };

function targetOf(service: ServiceName, places: Place[]): string {
  const addresses = places.filter((place) => place.service === service).map(({ grpc }) => `127.0.0.1:${grpc}`);
  return addresses.length === 1 ? addresses[0]! : `ipv4:${addresses.join()}`;
}

function described(
  { rest, places }: { rest: number; places: Place[] },
  starts: ReadonlyMap<string, () => Promise<AppProcess>>,
  processes: Map<string, AppProcess>,
  cleanUp: () => Promise<unknown>,
): RunningPlatform {
  return {
    restUrl: `http://127.0.0.1:${rest}`,
    grpc: Object.fromEntries(SERVICES.map((name) => [name, targetOf(name, places)])) as RunningPlatform['grpc'],
    probes: Object.fromEntries(
      places.map(({ name, http }) => [name, `http://127.0.0.1:${http}`]),
    ) as RunningPlatform['probes'],
    processes,
    startAgain: async (name) => {
      processes.set(name, await starts.get(name)!());
    },
    stop: async () => {
      const codes = await Promise.all([...processes.values()].map((process) => process.end()));
      await cleanUp();
      return codes;
    },
  };
}

/** `npm start`'s program with nothing configured: one process, embedded PostgreSQL, cache and events in memory. */
export async function startEmbedded(dataDir?: string): Promise<RunningPlatform> {
  const dir = dataDir ?? (await mkdtemp(join(tmpdir(), 'rookery-e2e-')));
  const [rest, places] = await Promise.all([freePort(), placesOf()]);
  const environment: Record<string, string> = {
    ...QUIET,
    EMBEDDED_DATA_DIR: join(dir, 'postgres'),
    GATEWAY_HTTP_PORT: String(rest),
  };
  for (const { service, grpc, http } of places) {
    environment[`${prefixOf(service)}_GRPC_PORT`] = String(grpc);
    environment[`${prefixOf(service)}_HTTP_PORT`] = String(http);
  }
  const start = () => AppProcess.start('platform', environment, `http://127.0.0.1:${rest}/health/ready`);
  const processes = new Map([['platform', await start()]]);
  return described({ rest, places }, new Map([['platform', start]]), processes, async () => {
    if (dataDir === undefined) await rm(dir, { recursive: true, force: true });
  });
}

/** Each service in processes of its own, on real PostgreSQL, Redis and NATS. */
export async function startDistributed(
  servers: ServerUrls,
  { replicas, environment: further }: Spread = {},
): Promise<RunningPlatform> {
  const [rest, places] = await Promise.all([freePort(), placesOf(replicas)]);
  const databases = new Map<ServiceName, TestDatabase>();
  for (const name of SERVICES) databases.set(name, await createTestDatabase(servers.databaseUrl));
  const shared: Record<string, string> = {
    ...QUIET,
    REDIS_URL: servers.redisUrl,
    NATS_URL: servers.natsUrl,
    ...further,
  };
  for (const name of SERVICES) shared[`${prefixOf(name)}_URL`] = targetOf(name, places);
  const starts = new Map<string, () => Promise<AppProcess>>();
  for (const { name, service, grpc, http } of places) {
    const ports = { GRPC_PORT: String(grpc), HTTP_PORT: String(http) };
    const environment = { ...shared, ...ports, DATABASE_URL: databases.get(service)!.url };
    starts.set(name, () => AppProcess.start(service, environment, `http://127.0.0.1:${http}/health/ready`));
  }
  const gateway = { ...shared, HTTP_PORT: String(rest) };
  starts.set('gateway', () => AppProcess.start('gateway', gateway, `http://127.0.0.1:${rest}/health/live`));
  const processes = new Map<string, AppProcess>();
  await Promise.all([...starts].map(async ([name, start]) => processes.set(name, await start())));
  return described({ rest, places }, starts, processes, () =>
    Promise.all([...databases.values()].map((database) => database.drop())),
  );
}
