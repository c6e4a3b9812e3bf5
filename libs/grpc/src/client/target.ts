import { EnvString, type ConfigClass, Environment, loadConfig } from '@rookery/config';
import { SERVICE_HOSTS, type ServiceDefinition } from '@rookery/contracts';

/** `user-service` → `USER_SERVICE_URL` */
function variableOf(name: string): string {
  return `${name.replace(/-/g, '_').toUpperCase()}_URL`;
}

/** A config class with the address of one service. */
export type TargetConfig = ConfigClass<{ target: string }>;

const classes = new Map<string, TargetConfig>();

/**
 * Where `service` is reached: `<NAME>_SERVICE_URL`, by default as the ports table says, on this host in development and
 * by name, over all its addresses, in production. The table is `google.api.default_host` in the protos.
 * @throws {TypeError} when the proto of the service has no default_host
 */
export function targetConfig(service: Pick<ServiceDefinition, 'fullName'>): TargetConfig {
  const known = classes.get(service.fullName);
  if (known) return known;
  const host = SERVICE_HOSTS[service.fullName];
  if (!host)
    throw new TypeError(`${service.fullName} needs the option (google.api.default_host) = "<name>-service:<port>"`);
  class ServiceTargetConfig {
    @EnvString({
      name: variableOf(host.name),
      description: `Where ${host.name} is reached (a gRPC target).`,
      default: `127.0.0.1:${host.port}`,
      productionDefault: `dns:///${host.name}:${host.port}`,
      pattern: /^\S+$/,
      takes: 'a gRPC target such as 127.0.0.1:50051 or dns:///user-service:50051',
    })
    readonly target!: string;
  }
  classes.set(service.fullName, ServiceTargetConfig);
  return ServiceTargetConfig;
}

/** The target of `service` in `environment`. */
export function targetOf(service: ServiceDefinition, environment: Environment): string {
  return loadConfig([targetConfig(service)], environment)[0].target;
}
