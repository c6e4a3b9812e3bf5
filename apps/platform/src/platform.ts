import { ConfigError, type ConfigProblem, type Environment } from '@rookery/config';
import { type Runnable, type RunningService, createService, declarationOf } from '@rookery/service';
import { type Gateway, createGateway } from '../../gateway/src/gateway.js';
import { environmentOf, originOf } from './environment-view.js';
import { SERVICES } from './services.js';

/** All services and the gateway, in one process. Each is an application of its own, wired as it is when it runs alone. */
export interface Platform extends Runnable {
  readonly services: readonly RunningService[];
  readonly gateway: Gateway;
  /** Milliseconds from the beginning of `createPlatform` to now. */
  readonly age: number;
  /** @throws {PortTaken} */
  listen(): Promise<void>;
}

/**
 * Builds every service and the gateway. Nothing serves before `listen`, and no event is published before every service
 * has subscribed.
 * @throws {ConfigError} with the problems of all of them
 */
export async function createPlatform(
  environment: Environment,
  { onProgress }: { onProgress?: (line: string) => void } = {},
): Promise<Platform> {
  const startedAt = performance.now();
  const names = SERVICES.map((service) => declarationOf(service).name);
  const viewOf = (name: string) => environmentOf(name, environment, names);
  const said = new Set<string>();
  const say = (line: string) => {
    // They share one PostgreSQL, and each of them tells of it.
    if (!said.has(line)) onProgress?.(line);
    said.add(line);
  };
  const [gateway, ...services] = await allOrNone<Gateway | RunningService>(
    [
      { name: 'gateway', creation: createGateway({ environment: viewOf('gateway') }) },
      ...SERVICES.map((service, index) => ({
        name: names[index]!,
        creation: createService(service, { environment: viewOf(names[index]!), onProgress: say }),
      })),
    ],
    environment,
  );
  return assemble(gateway as Gateway, services as RunningService[], startedAt);
}

function assemble(gateway: Gateway, services: RunningService[], startedAt: number): Platform {
  return {
    services,
    gateway,
    get age() {
      return performance.now() - startedAt;
    },
    listen: async () => {
      try {
        await Promise.all(services.map((service) => service.listen()));
        await gateway.listen();
      } catch (error) {
        await closeAll([gateway, ...services]);
        throw error;
      }
    },
    close: async () => {
      // The gateway first: what it has accepted still finds its services.
      try {
        await gateway.close();
      } finally {
        await closeAll(services);
      }
    },
    forceClose: () => {
      for (const part of [gateway, ...services]) part.forceClose();
    },
  };
}

interface Part {
  close(): Promise<void>;
}

async function closeAll(parts: readonly Part[]): Promise<void> {
  await Promise.allSettled(parts.map((part) => part.close()));
}

/**
 * All of them, or the failure of the first with the others closed. Configuration errors are joined into one, which names
 * the variables as the platform reads them.
 */
async function allOrNone<T extends Part>(
  creations: readonly { name: string; creation: Promise<T> }[],
  environment: Environment,
): Promise<T[]> {
  const results = await Promise.allSettled(creations.map(({ creation }) => creation));
  const created = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (created.length === creations.length) return created;
  await closeAll(created);
  const problems = new Map<string, ConfigProblem>();
  let first: unknown;
  for (const [index, result] of results.entries()) {
    if (result.status === 'fulfilled') continue;
    first ??= result.reason;
    if (!(result.reason instanceof ConfigError)) continue;
    for (const problem of result.reason.problems) {
      const variable = originOf(creations[index]!.name, problem.variable, environment);
      problems.set(variable, { ...problem, variable });
    }
  }
  throw problems.size > 0 ? new ConfigError([...problems.values()]) : first;
}
