import { type DescService } from '@bufbuild/protobuf';
import { ConfigError, type ConfigProblem, type Environment } from '@rookery/config';
import { type ApiRegistry } from '../descriptors/registry.js';

/** Where a service is and what it is called. Several services of protos may share one. */
export interface UpstreamTarget {
  /** `user-service`; what people read in errors and probes. */
  readonly name: string;
  /** The environment variable that says where it is: `USER_SERVICE_URL`. */
  readonly variable: string;
  /** A gRPC target: `127.0.0.1:50051`, `dns:///user-service:50051`. */
  readonly target: string;
}

/** `host:port`, a name with a scheme that grpc-js resolves, or a socket. */
const TARGET = /^((dns|ipv4|ipv6|unix):\S+|[^\s:/]+:\d{1,5}|\[[0-9a-f:]+\]:\d{1,5})$/i;
const TAKES = 'a gRPC target such as dns:///user-service:50051 or 127.0.0.1:50051';

/**
 * The target of a service: its variable, else what its `google.api.default_host` says, on this machine outside production.
 * @param defaultHost `user-service:50051`
 * @returns the problem, for a ConfigError, when there is none
 */
export function upstreamTarget(
  service: DescService,
  defaultHost: string | undefined,
  environment: Environment,
): UpstreamTarget | ConfigProblem {
  const [host = '', port] = defaultHost?.split(':') ?? [];
  const name = host === '' ? (service.typeName.split('.')[0] ?? service.name) : host;
  const variable = variableOf(name);
  const given = environment.get(variable);
  if (given !== undefined) {
    return TARGET.test(given) ? { name, variable, target: given } : { variable, got: given, takes: TAKES };
  }
  if (host === '' || port === undefined) {
    const why = `required, because ${service.typeName} has no google.api.default_host with a port`;
    return { variable, got: undefined, takes: `${TAKES}; ${why}` };
  }
  return { name, variable, target: environment.production ? `dns:///${host}:${port}` : `127.0.0.1:${port}` };
}

/** `user-service` and `user` -> `USER_SERVICE_URL`; of a domain name the first label counts. */
function variableOf(name: string): string {
  const [label = name] = name.split('.');
  const words = label.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_');
  return `${words.replace(/_SERVICE$/, '')}_SERVICE_URL`;
}

/**
 * Every service's target.
 * @throws {ConfigError} with each one that is unknown or unusable
 */
export function upstreamTargets(api: ApiRegistry, environment: Environment): Map<DescService, UpstreamTarget> {
  const problems = new Map<string, ConfigProblem>();
  const targets = new Map<DescService, UpstreamTarget>();
  for (const service of api.services) {
    const found = upstreamTarget(service, api.annotations.defaultHost(service), environment);
    if ('target' in found) targets.set(service, found);
    else problems.set(found.variable, found);
  }
  if (problems.size > 0) throw new ConfigError([...problems.values()]);
  return targets;
}
