import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Environment } from '@rookery/config';
import type { ServiceDefinition } from '@rookery/contracts';
import { GrpcConfig } from '../grpc.config.js';
import { type GrpcClient, createGrpcClient } from './grpc-client.js';
import { targetOf } from './target.js';

function clientToken(service: Pick<ServiceDefinition, 'fullName'>): symbol {
  return Symbol.for(`rookery.client:${service.fullName}`);
}

/** Injects the typed client of `service`: `@InjectClient(UserServiceDefinition) users: UserServiceClient`. */
export function InjectClient(service: Pick<ServiceDefinition, 'fullName'>): ParameterDecorator {
  return Inject(clientToken(service));
}

/** The open connections of the application's clients. */
class OpenClients {
  readonly clients: GrpcClient<ServiceDefinition>[] = [];
}

/** Typed clients for the services that this one calls. */
@Module({})
export class GrpcClients implements OnApplicationShutdown {
  constructor(private readonly open: OpenClients) {}

  static register(...services: ServiceDefinition[]): DynamicModule {
    const providers = services.map((service) => ({
      provide: clientToken(service),
      useFactory: (environment: Environment, config: GrpcConfig, open: OpenClients) => {
        const client = createGrpcClient(service, {
          target: targetOf(service, environment),
          timeout: config.clientTimeout,
        });
        open.clients.push(client);
        return client.methods;
      },
      inject: [Environment, GrpcConfig, OpenClients],
    }));
    return {
      module: GrpcClients,
      global: true,
      providers: [OpenClients, ...providers],
      exports: providers.map(({ provide }) => provide),
    };
  }

  onApplicationShutdown(): void {
    for (const client of this.open.clients) client.close();
  }
}
