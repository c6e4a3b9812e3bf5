import type { Environment } from '@rookery/config';

/** What no two services can share: each gets its own, or its default. */
export const PRIVATE = ['DATABASE_URL', 'GRPC_PORT', 'HTTP_PORT'] as const;

/** Services of one process exchange their events in it when there is no NATS. */
const IN_PROCESS = 'memory://platform';

/** `user-service` → `USER_SERVICE_` */
export function prefixOf(service: string): string {
  return `${service.replaceAll('-', '_').toUpperCase()}_`;
}

/**
 * The environment as one service of the platform sees it: `USER_SERVICE_LOG_LEVEL` is user-service's LOG_LEVEL, and of
 * DATABASE_URL, GRPC_PORT and HTTP_PORT only this form counts.
 * @param services all the services of the platform: one that is given another port is found there by the others
 */
export function environmentOf(service: string, environment: Environment, services: readonly string[]): Environment {
  const variables: Record<string, string | undefined> = {
    // In production an unset NATS_URL stays what it is everywhere: an error.
    NATS_URL: environment.get('NATS_URL') ?? (environment.production ? undefined : IN_PROCESS),
  };
  for (const name of PRIVATE) variables[name] = undefined;
  for (const name of services.map(prefixOf)) {
    const port = environment.get(`${name}GRPC_PORT`);
    if (port !== undefined) variables[`${name}URL`] = environment.get(`${name}URL`) ?? `127.0.0.1:${port}`;
  }
  return environment.with({ ...variables, ...environment.startingWith(prefixOf(service)) });
}

/** The variable of the platform's own environment that `variable` of a service's view comes from. */
export function originOf(service: string, variable: string, environment: Environment): string {
  const own = prefixOf(service) + variable;
  const isPrivate = (PRIVATE as readonly string[]).includes(variable);
  return isPrivate || environment.get(own) !== undefined ? own : variable;
}
