import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@rookery/embedded';
import { type TestDatabase, createTestDatabase } from '@rookery/testing';
import { AppProcess } from '../app-process.js';

const SERVICES = ['user-service', 'order-service', 'notification-service'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** Real servers, for the topology that needs them. */
export interface ServerUrls {
  databaseUrl: string;
  redisUrl: string;
  natsUrl: string;
}

/** The whole platform, running; how it is spread over processes is not the suite's business. */
export interface RunningPlatform {
  readonly restUrl: string;
  readonly grpc: Readonly<Record<ServiceName, string>>;
  readonly probes: Readonly<Record<ServiceName, string>>;
  /** The processes by the name of their app. */
  readonly processes: ReadonlyMap<string, AppProcess>;
  /** Stops everything. @returns the exit codes */
  stop(): Promise<unknown[]>;
}

interface Ports {
  rest: number;
  grpc: Record<ServiceName, number>;
  http: Record<ServiceName, number>;
}

async function ports(): Promise<Ports> {
  const each = async () =>
    Object.fromEntries(await Promise.all(SERVICES.map(async (name) => [name, await freePort()]))) as Record<
      ServiceName,
      number
    >;
  return { rest: await freePort(), grpc: await each(), http: await each() };
}

const prefixOf = (service: string) => service.replaceAll('-', '_').toUpperCase();
const QUIET = { LOG_LEVEL: 'info', LOG_FORMAT: 'json' };

function described(
  { rest, grpc, http }: Ports,
  processes: Map<string, AppProcess>,
  cleanUp: () => Promise<unknown>,
): RunningPlatform {
  const each = (url: (name: ServiceName) => string) =>
    Object.fromEntries(SERVICES.map((name) => [name, url(name)])) as Record<ServiceName, string>;
  return {
    restUrl: `http://127.0.0.1:${rest}`,
    grpc: each((name) => `127.0.0.1:${grpc[name]}`),
    probes: each((name) => `http://127.0.0.1:${http[name]}`),
    processes,
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
  const chosen = await ports();
  const environment: Record<string, string> = {
    ...QUIET,
    EMBEDDED_DATA_DIR: join(dir, 'postgres'),
    GATEWAY_HTTP_PORT: String(chosen.rest),
  };
  for (const name of SERVICES) {
    environment[`${prefixOf(name)}_GRPC_PORT`] = String(chosen.grpc[name]);
    environment[`${prefixOf(name)}_HTTP_PORT`] = String(chosen.http[name]);
  }
  const platform = await AppProcess.start('platform', environment, `http://127.0.0.1:${chosen.rest}/health/ready`);
  return described(chosen, new Map([['platform', platform]]), async () => {
    if (dataDir === undefined) await rm(dir, { recursive: true, force: true });
  });
}

/** Each service in its own process, on real PostgreSQL, Redis and NATS. */
export async function startDistributed(servers: ServerUrls): Promise<RunningPlatform> {
  const chosen = await ports();
  const databases: TestDatabase[] = [];
  const shared: Record<string, string> = { ...QUIET, REDIS_URL: servers.redisUrl, NATS_URL: servers.natsUrl };
  for (const name of SERVICES) shared[`${prefixOf(name)}_URL`] = `127.0.0.1:${chosen.grpc[name]}`;
  const start = async (name: ServiceName): Promise<[string, AppProcess]> => {
    const database = await createTestDatabase(servers.databaseUrl);
    databases.push(database);
    const environment = {
      ...shared,
      DATABASE_URL: database.url,
      GRPC_PORT: String(chosen.grpc[name]),
      HTTP_PORT: String(chosen.http[name]),
    };
    return [name, await AppProcess.start(name, environment, `http://127.0.0.1:${chosen.http[name]}/health/ready`)];
  };
  const gateway = async (): Promise<[string, AppProcess]> => {
    const environment = { ...shared, HTTP_PORT: String(chosen.rest) };
    return ['gateway', await AppProcess.start('gateway', environment, `http://127.0.0.1:${chosen.rest}/health/live`)];
  };
  const started = await Promise.all([...SERVICES.map(start), gateway()]);
  return described(chosen, new Map(started), () => Promise.all(databases.map((database) => database.drop())));
}
