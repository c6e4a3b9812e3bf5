import { Channel, type ChannelCredentials, type ChannelOptions, credentials } from '@grpc/grpc-js';
import {
  type MethodDefinition,
  type ServiceClient,
  type ServiceDefinition,
  attachMethodDefinition,
} from '@rookery/contracts';
import { type CallOptions, type Duration, milliseconds } from './call-options.js';
import { callerOf } from './caller.js';
import { codecOf } from './client-method.js';
import type { MethodsOptions } from './client-options.js';
import { CHANNEL_OPTIONS, type GrpcChannel } from './grpc-channel.js';
import { serviceConfig } from './service-config.js';
import { serviceNameOf } from './target.js';

/** A client of one service, and how it calls each method. */
export interface GrpcClientOptions<D extends ServiceDefinition = ServiceDefinition> extends MethodsOptions<D> {
  /** `dns:///user-service:50051`, `127.0.0.1:50051`, `ipv4:10.0.0.1:50051,10.0.0.2:50051` */
  target: string;
  /** For each unary call that sets none. */
  timeout: Duration;
  /** TLS; default: none. @see clientCredentials */
  credentials?: ChannelCredentials;
  /** grpc-js's own options, on top of `CHANNEL_OPTIONS`. */
  channel?: ChannelOptions;
}

/** A typed client and its connections. */
export interface GrpcClient<D extends ServiceDefinition> {
  readonly methods: ServiceClient<D, CallOptions>;
  close(): void;
}

/**
 * A client of `service`: promises for one reply, async iterables for many. Each call carries the context of the call being
 * served (request id, trace, tenant, principal, what is left of its deadline), and ends with it. A failure is rethrown as
 * the error of the catalogue that the server threw.
 * @throws {TypeError} for options that contradict the proto or each other
 */
export function createGrpcClient<D extends ServiceDefinition>(
  service: D,
  options: GrpcClientOptions<D>,
): GrpcClient<D> {
  const channel: GrpcChannel = new Channel(options.target, options.credentials ?? credentials.createInsecure(), {
    ...CHANNEL_OPTIONS,
    'grpc.service_config': JSON.stringify(serviceConfig(service, options)),
    ...options.channel,
  });
  return { methods: clientOn(channel, service, options), close: () => channel.close() };
}

/** The methods of a client of `service` whose calls go over `channel`: the seam for another transport, such as a fake's. */
export function clientOn<D extends ServiceDefinition>(
  channel: GrpcChannel,
  service: D,
  options: MethodsOptions<D>,
): ServiceClient<D, CallOptions> {
  const perMethod: MethodsOptions['methods'] = options.methods ?? {};
  const methods = Object.entries<MethodDefinition>(service.methods).map(([name, definition]) => {
    const unary = !definition.requestStream && !definition.responseStream;
    const timeout = perMethod[name]?.timeout ?? (unary ? options.timeout : undefined) ?? Number.POSITIVE_INFINITY;
    const call = callerOf({
      channel,
      path: `/${service.fullName}/${definition.name}`,
      service: serviceNameOf(service),
      definition,
      timeout: milliseconds(timeout, `${service.fullName}/${definition.name}: timeout`),
      ...codecOf(definition),
    });
    attachMethodDefinition(call, definition);
    return [name, call];
  });
  return Object.fromEntries(methods) as ServiceClient<D, CallOptions>;
}
