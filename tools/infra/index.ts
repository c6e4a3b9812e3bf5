import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stopEmbeddedPostgres, withLock } from '@rookery/embedded';
import { DockerServer } from './docker-server.js';
import { nats } from './nats.js';
import { fromRecord, obtain, type ObtainedServer } from './obtain.js';
import { PostgresServer } from './postgres-server.js';
import { ProcessServer } from './process-server.js';
import { redis } from './redis.js';
import { EnvironmentServer, type ServerHandle } from './server-handle.js';
import { clearState, readState, type State, writeState } from './state.js';

export type { Provider, ServerHandle } from './server-handle.js';

export interface ServersOptions {
  /** Data, logs and, for detached servers, the state file. */
  dir: string;
  /** They outlive this process, and a second call with the same `dir` finds them again. Default: they end with it. */
  detached?: boolean;
  onProgress?: (line: string) => void;
  /** Where DATABASE_URL, REDIS_URL, NATS_URL and PATH are looked up. Default: the environment of this process. */
  env?: NodeJS.ProcessEnv;
  /** Settings of PostgreSQL, for example `{ fsync: 'off' }` in tests. */
  postgresSettings?: Record<string, string>;
}

export interface Servers {
  /** Of a role that may create databases. */
  databaseUrl: string;
  redisUrl: string;
  natsUrl: string;
  postgres: ServerHandle;
  redis: ServerHandle;
  nats: ServerHandle;
  /** Ends those that are ours. */
  stop(): Promise<void>;
}

/**
 * Real PostgreSQL, Redis and NATS with JetStream, without Docker where possible, on private ports of 127.0.0.1. For
 * integration tests and for `npm run infra:up`.
 *
 * @throws Error that lists what was tried and how to install what is missing; nothing is left running then.
 */
export async function startServers(options: ServersOptions): Promise<Servers> {
  const { detached = false, env = process.env, onProgress = () => {}, postgresSettings: settings } = options;
  const dir = resolve(options.dir);
  await mkdir(dir, { recursive: true });
  return withLock(join(dir, 'lock'), async () => {
    const state = await readState(dir);
    if (!detached) await assertUnused(dir, state);
    const shared = { dir, detached, env, onProgress };
    const remember = rememberIn(dir, state, detached);
    const results = await Promise.allSettled([
      postgresOf(
        { dataDir: join(dir, 'postgres'), detached, settings, onProgress, port: state.postgres?.port },
        env,
      ).then(remember('postgres')),
      obtain(redis, { ...shared, recorded: state.redis }).then(remember('redis')),
      obtain(nats, { ...shared, recorded: state.nats }).then(remember('nats')),
    ] as const);
    const started = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const stop = async () => {
      await Promise.all(started.map(end));
      if (detached) await stopEmbeddedPostgres(join(dir, 'postgres')); // withdraws what keeps it running
      if (detached) await clearState(dir);
    };
    const [postgres, cache, bus] = results;
    if (postgres.status === 'rejected' || cache.status === 'rejected' || bus.status === 'rejected') {
      await stop();
      const reasons = results.flatMap((result) =>
        result.status === 'rejected' ? [(result.reason as Error).message] : [],
      );
      throw new Error(reasons.join('\n'));
    }
    return {
      databaseUrl: postgres.value.url,
      redisUrl: cache.value.url,
      natsUrl: bus.value.url,
      postgres: postgres.value,
      redis: cache.value,
      nats: bus.value,
      stop,
    };
  });
}

type OurPostgres = EnvironmentServer | PostgresServer;

async function postgresOf(
  options: ConstructorParameters<typeof PostgresServer>[0],
  env: NodeJS.ProcessEnv,
): Promise<OurPostgres> {
  if (env.DATABASE_URL) return new EnvironmentServer(env.DATABASE_URL, 'DATABASE_URL');
  const server = new PostgresServer(options);
  try {
    await server.start();
  } catch (error) {
    if (options.port === undefined || !/port is taken/.test((error as Error).message)) throw error;
    const elsewhere = new PostgresServer({ ...options, port: undefined });
    await elsewhere.start();
    return elsewhere;
  }
  return server;
}

async function end(server: OurPostgres | ObtainedServer): Promise<void> {
  if (server instanceof DockerServer) await server.remove();
  else if (!(server instanceof EnvironmentServer)) await server.stop();
}

/**
 * Writes each server down as soon as it runs: while one is still being downloaded, a Ctrl-C must not lose the others.
 */
function rememberIn(dir: string, state: State, detached: boolean) {
  let written = Promise.resolve();
  return <T extends OurPostgres | ObtainedServer>(name: keyof State) =>
    async (server: T): Promise<T> => {
      if (!(server instanceof EnvironmentServer)) Object.assign(state, { [name]: server.record });
      if (detached) await (written = written.then(() => writeState(dir, state)));
      return server;
    };
}

async function assertUnused(dir: string, { redis: cache, nats: bus }: State): Promise<void> {
  const recorded = [cache && fromRecord(redis, cache, dir), bus && fromRecord(nats, bus, dir)];
  for (const server of recorded) {
    if (!server || !(await server.isAlive())) continue;
    const what = server instanceof ProcessServer ? `process ${server.pid}` : 'container';
    throw new Error(
      `${dir} belongs to servers that "npm run infra:up" keeps running (${server.kind.title}, ${what}): ` +
        'give startServers another dir, or run "npm run infra:down" first.',
    );
  }
}
