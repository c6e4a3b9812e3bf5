import type { ChannelCredentials, ChannelOptions } from '@grpc/grpc-js';
import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Environment } from '@rookery/config';
import type { ServiceDefinition } from '@rookery/contracts';
import { clientCredentials } from './client-credentials.js';
import type { ClientDeclaration } from './client-options.js';
import { GrpcClientConfig } from './grpc-client.config.js';
import { type GrpcClient, createGrpcClient } from './grpc-client.js';
import { targetOf } from './target.js';

/** The injection token of a service's client: for `overrideProvider` in tests. */
export function clientToken(service: Pick<ServiceDefinition, 'fullName'>): symbol {
  return Symbol.for(`rookery.client:${service.fullName}`);
}

/** Injects the typed client of `service`: `@InjectClient(UserServiceDefinition) users: UserServiceClient`. */
export function InjectClient(service: Pick<ServiceDefinition, 'fullName'>): ParameterDecorator {
  return Inject(clientToken(service));
}

/** A service to be called: its definition, or that and how its methods are called. */
export type AnyClientDeclaration = ServiceDefinition | ClientDeclaration;

/** `{ service, … }` of either form. */
export function clientDeclaration(declared: AnyClientDeclaration): ClientDeclaration {
  return 'service' in declared ? declared : { service: declared };
}

/** The open connections of the application's clients, and what they all use. */
class OpenClients {
  readonly clients: GrpcClient<ServiceDefinition>[] = [];
  private readonly credentials: ChannelCredentials;
  private readonly channel: ChannelOptions;

  constructor(
    private readonly environment: Environment,
    private readonly config: GrpcClientConfig,
  ) {
    this.credentials = clientCredentials(config);
    this.channel = {
      'grpc.max_receive_message_length': config.maxMessageBytes,
      'grpc.keepalive_time_ms': config.keepaliveTime,
      'grpc.keepalive_timeout_ms': config.keepaliveTimeout,
      ...(config.tlsServerName && { 'grpc.ssl_target_name_override': config.tlsServerName }),
    };
  }

  open({ service, ...options }: ClientDeclaration): GrpcClient<ServiceDefinition>['methods'] {
    const { credentials, channel, config } = this;
    const target = targetOf(service, this.environment);
    const timeout = options.timeout ?? config.timeout;
    const client = createGrpcClient(service, { ...options, timeout, target, credentials, channel });
    this.clients.push(client);
    return client.methods;
  }
}

/** Typed clients for the services that this one calls. Needs `Environment` and `GrpcClientConfig` in the application. */
@Module({})
export class GrpcClients implements OnApplicationShutdown {
  constructor(private readonly open: OpenClients) {}

  /** The start fails with a TypeError for options that contradict the proto, and a ConfigError for a wrong variable. */
  static register(...declared: AnyClientDeclaration[]): DynamicModule {
    const providers = declared.map(clientDeclaration).map((declaration) => ({
      provide: clientToken(declaration.service),
      useFactory: (clients: OpenClients) => clients.open(declaration),
      inject: [OpenClients],
    }));
    const open = {
      provide: OpenClients,
      useFactory: (environment: Environment, config: GrpcClientConfig) => new OpenClients(environment, config),
      inject: [Environment, GrpcClientConfig],
    };
    return {
      module: GrpcClients,
      global: true,
      providers: [open, ...providers],
      exports: providers.map(({ provide }) => provide),
    };
  }

  onApplicationShutdown(): void {
    for (const client of this.open.clients) client.close();
  }
}
