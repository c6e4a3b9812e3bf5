import { type ConfigClass, EnvString, type Environment, loadConfig } from '@rookery/config';
import { SERVICE_HOSTS } from '@rookery/contracts';

/** `host:port`, a name with a scheme that grpc-js resolves, or a socket. */
const TARGET = /^((dns|ipv4|ipv6|unix):\S+|[^\s:/]+:\d{1,5}|\[[0-9a-f:]+\]:\d{1,5})$/i;

/** Every service listens there in a container, whatever its port in development. */
const CONTAINER_PORT = 50051;

/** A service of the protos, as far as finding it goes. */
export interface TargetedService {
  /** `user.v1.UserService` */
  readonly fullName: string;
  /** Its `google.api.default_host`, such as `user-service:50051`. Default: what the workspace's protos say. */
  readonly defaultHost?: string;
}

/** A config class with the gRPC target of one service. */
export type TargetConfig = ConfigClass<{ target: string }>;

/** What a service is called: `user-service`. Without a default_host, `thing` for `thing.v1.ThingService`. */
export function serviceNameOf({ fullName, defaultHost }: TargetedService): string {
  const host = defaultHost?.split(':')[0] || SERVICE_HOSTS[fullName]?.name;
  return host ?? fullName.split('.')[0]!;
}

/** The variable that holds the service's target: `USER_SERVICE_URL`. Of a domain name the first label counts. */
export function targetVariable(service: TargetedService): string {
  const words = serviceNameOf(service)
    .split('.')[0]!
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]+/g, '_');
  return `${words.replace(/_SERVICE$/, '')}_SERVICE_URL`;
}

/**
 * Where a service is reached: `<NAME>_SERVICE_URL`; by default on this host, at the port of its default_host, in
 * development, and by its name, over all its addresses, in production. Without such a port the variable must be set.
 */
export function targetConfig(service: TargetedService): TargetConfig {
  const name = serviceNameOf(service);
  const port =
    service.defaultHost === undefined ? SERVICE_HOSTS[service.fullName]?.port : service.defaultHost.split(':')[1];
  class ServiceTargetConfig {
    @EnvString({
      name: targetVariable(service),
      description: `Where ${name} is reached (a gRPC target).`,
      default: port === undefined ? undefined : `127.0.0.1:${port}`,
      productionDefault: port === undefined ? undefined : `dns:///${name}:${CONTAINER_PORT}`,
      pattern: TARGET,
      takes:
        'a gRPC target such as dns:///user-service:50051 or 127.0.0.1:50051' +
        (port === undefined
          ? `; required, because ${service.fullName} has no google.api.default_host with a port`
          : ''),
    })
    readonly target!: string;
  }
  return ServiceTargetConfig;
}

/** The target of `service` in `environment`. @throws {ConfigError} */
export function targetOf(service: TargetedService, environment: Environment): string {
  return loadConfig([targetConfig(service)], environment)[0].target;
}
