import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { CacheConfig, CacheModule } from '@rookery/cache';
import { type ConfigClass, RuntimeConfig } from '@rookery/config';
import { DatabaseConfig, DatabaseModule, type DatabaseOptions } from '@rookery/database';
import {
  type AnyClientDeclaration,
  GrpcClientConfig,
  GrpcClients,
  GrpcConfig,
  GrpcModule,
  clientDeclaration,
  targetConfig,
} from '@rookery/grpc';
import { HealthModule } from '@rookery/health';
import { MessagingConfig, MessagingModule, messagingEntities, messagingMigrations } from '@rookery/messaging';
import { LogConfig, TraceConfig } from '@rookery/observability';
import { EmbeddedConfig, HttpConfig, ShutdownConfig } from './service.config.js';

/** What a service is and what it uses. */
export interface ServiceDeclaration {
  /** `user-service`: its name in logs, events, the database and the network. */
  name: string;
  /** The proto package of the RPCs it serves, such as `user.v1`. */
  package: string;
  /** Defaults of GRPC_PORT and HTTP_PORT. */
  ports: { grpc: number; http: number };
  /** Its tables. Without it the service has no database. */
  database?: DatabaseOptions;
  /** Whether its handlers use `@CacheAside`. */
  cache?: boolean;
  /** Whether it publishes or handles events; needs a database, for the outbox and the inbox. */
  messaging?: boolean;
  /** The services it calls, and how (timeouts, retries): `@InjectClient(UserServiceDefinition)`. */
  clients?: readonly AnyClientDeclaration[];
  /** Its own configuration classes, injectable by their type. */
  config?: readonly ConfigClass[];
}

const declarations = new WeakMap<DynamicModule, ServiceDeclaration>();

/** Declares a service: imported once, in the service's own module. */
@Module({})
export class ServiceModule {
  /** @throws {TypeError} for a declaration that contradicts itself */
  static register(declaration: ServiceDeclaration): DynamicModule {
    const { name, database, cache, messaging, clients = [] } = declaration;
    if (messaging && !database) {
      throw new TypeError(`${name} declares messaging without a database: the outbox and the inbox need one`);
    }
    const tables = database && {
      entities: [...database.entities, ...(messaging ? messagingEntities : [])],
      migrations: [...database.migrations, ...(messaging ? messagingMigrations : [])],
    };
    const module: DynamicModule = {
      module: ServiceModule,
      imports: [
        GrpcModule,
        HealthModule,
        ...(tables ? [DatabaseModule.register(name, tables)] : []),
        ...(cache ? [CacheModule.register(name)] : []),
        ...(messaging ? [MessagingModule.register(name)] : []),
        ...(clients.length > 0 ? [GrpcClients.register(...clients)] : []),
      ],
    };
    declarations.set(module, { ...declaration, database: tables });
    return module;
  }
}

/** The declaration that the service's module imports. @throws {TypeError} when there is none */
export function declarationOf(service: Type): ServiceDeclaration {
  const imports = (Reflect.getMetadata('imports', service) ?? []) as DynamicModule[];
  for (const imported of imports) {
    const declaration = declarations.get(imported);
    if (declaration) return declaration;
  }
  throw new TypeError(`${service.name} must import ServiceModule.register({ name, package, ports, … })`);
}

/** Every configuration class that the service reads. */
export function configClassesOf(declaration: ServiceDeclaration): ConfigClass[] {
  return [
    RuntimeConfig,
    LogConfig,
    TraceConfig,
    GrpcConfig,
    HttpConfig,
    ShutdownConfig,
    ...(declaration.database ? [DatabaseConfig, EmbeddedConfig] : []),
    ...(declaration.cache ? [CacheConfig] : []),
    ...(declaration.messaging ? [MessagingConfig] : []),
    ...(declaration.clients ? [GrpcClientConfig] : []),
    ...(declaration.clients ?? []).map((client) => targetConfig(clientDeclaration(client).service)),
    ...(declaration.config ?? []),
  ];
}
