import { type DescService } from '@bufbuild/protobuf';
import { type Environment, loadConfig } from '@rookery/config';
import { serviceNameOf, targetConfig } from '@rookery/grpc';
import { type ApiRegistry } from '../descriptors/registry.js';

/** Where a service is and what it is called. Several services of protos may share one. */
export interface UpstreamTarget {
  /** `user-service`; what people read in errors and probes. */
  readonly name: string;
  /** A gRPC target: `127.0.0.1:50051`, `dns:///user-service:50051`. */
  readonly target: string;
}

/**
 * Every service's target.
 * @throws {ConfigError} with each one that is unknown or unusable
 */
export function upstreamTargets(api: ApiRegistry, environment: Environment): Map<DescService, UpstreamTarget> {
  const services = api.services.map((service) => ({
    service,
    found: { fullName: service.typeName, defaultHost: api.annotations.defaultHost(service) },
  }));
  const configs = loadConfig(
    services.map(({ found }) => targetConfig(found)),
    environment,
  );
  return new Map(
    services.map(({ service, found }, index) => [
      service,
      { name: serviceNameOf(found), target: configs[index]!.target },
    ]),
  );
}
