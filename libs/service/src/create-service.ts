import { Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Environment } from '@rookery/config';
import type { EmbeddedPostgres } from '@rookery/embedded';
import { GrpcConfig, GrpcServer, addReflection, readServerTls } from '@rookery/grpc';
import { DependencyHealth, GrpcHealth, Lifecycle } from '@rookery/health';
import { MessageServer, Messaging } from '@rookery/messaging';
import {
  CallObserver,
  LogConfig,
  Logger,
  NestLogger,
  ObservabilityModule,
  TraceConfig,
  createLogger,
} from '@rookery/observability';
import { OpenSockets } from '@rookery/resilience';
import { Configuration } from './configuration.js';
import { embed } from './embed.js';
import { listening } from './port-taken.js';
import { HttpConfig, ShutdownConfig } from './service.config.js';
import { type ServiceDeclaration, configClassesOf, declarationOf } from './service.module.js';
import { stopService } from './stop-service.js';

/** A service of this process. */
export interface RunningService {
  readonly name: string;
  readonly app: NestFastifyApplication;
  readonly logger: Logger;
  /** 0 before `listen`. */
  readonly ports: { readonly grpc: number; readonly http: number };
  /** What stands in for infrastructure, in words; empty when all of it is configured. */
  readonly embedded: readonly string[];
  /** Serves: gRPC, probes, the outbox. @throws {PortTaken} */
  listen(): Promise<void>;
  /** Drains and stops everything; the second call waits for the first. */
  close(): Promise<void>;
  /** Cuts off whatever keeps `close` waiting. */
  forceClose(): void;
}

export interface CreateOptions {
  /** The service's own view of the environment. Default: the process's. */
  environment?: Environment;
  /** Told what takes long while embedded infrastructure is prepared. */
  onProgress?: (line: string) => void;
}

@Module({})
class RootModule {}

/**
 * Builds a service up to the point where it could serve: configuration, infrastructure, migrations, subscriptions.
 * Several services of one process are all created first and then listen, so that no event comes before its handler.
 * @throws {ConfigError} when the environment is wrong
 */
export async function createService(service: Type, options: CreateOptions = {}): Promise<RunningService> {
  const declaration = declarationOf(service);
  // The one place where a service reads the environment of the process.
  const environment = options.environment ?? new Environment(process.env);
  const configuration = new Configuration(configClassesOf(declaration), environment);
  const logger = createLogger(configuration.get(LogConfig), declaration.name);
  const embedded = await embed(declaration.name, configuration, options.onProgress ?? ((line) => logger.info(line)));
  try {
    return await assemble(service, declaration, embedded?.configuration ?? configuration, logger, embedded?.postgres);
  } catch (error) {
    await embedded?.postgres.release();
    throw error;
  }
}

async function assemble(
  service: Type,
  declaration: ServiceDeclaration,
  configuration: Configuration,
  logger: Logger,
  embedded: EmbeddedPostgres | undefined,
): Promise<RunningService> {
  const { name } = declaration;
  const config = configuration.get(GrpcConfig);
  const tls = readServerTls(config);
  const root = {
    module: RootModule,
    imports: [
      configuration.asModule(),
      ObservabilityModule.register(logger, { service: name, config: configuration.get(TraceConfig) }),
      service,
    ],
  };
  const app = await NestFactory.create<NestFastifyApplication>(root, new FastifyAdapter(), {
    logger: new NestLogger(logger),
    abortOnError: false,
  });
  const server = new GrpcServer({
    name,
    host: config.host,
    port: config.port ?? declaration.ports.grpc,
    tls,
    limits: config,
    observer: app.get(CallObserver),
    beforeListen: (listening, services) => {
      refuseStrangers(declaration, services);
      if (config.reflection) addReflection(listening, [...services, 'grpc.health.v1.Health']);
      new GrpcHealth(services, app.get(DependencyHealth), app.get(Lifecycle)).addTo(listening);
    },
  });
  app.connectMicroservice<MicroserviceOptions>({ strategy: server.attach(app) }, { inheritAppConfig: true });
  // Serves @MessagePattern and @EventPattern; a service without them subscribes to nothing.
  if (declaration.messaging) {
    app.connectMicroservice<MicroserviceOptions>({ strategy: app.get(MessageServer) }, { inheritAppConfig: true });
  }
  try {
    await app.init();
  } catch (error) {
    await app.close().catch(() => undefined);
    throw error;
  }
  const messaging = declaration.messaging ? app.get(Messaging) : undefined;
  const lifecycle = app.get(Lifecycle);
  const sockets = new OpenSockets();
  sockets.watch(app.getHttpServer());

  const listen = async () => {
    await listening(name, 'gRPC', config.port ?? declaration.ports.grpc, 'GRPC_PORT', () =>
      app.startAllMicroservices(),
    );
    const port = configuration.get(HttpConfig).port ?? declaration.ports.http;
    await listening(name, 'probes and metrics', port, 'HTTP_PORT', () => app.listen(port, config.host));
    lifecycle.advance('ready');
    if (messaging && configuration.environment.get('NATS_URL') === undefined) {
      logger.warn('NATS_URL is not set: events stay in this process, and other services do not get them');
    }
    messaging?.startRelay();
    logger.info(running.ports, 'ready');
  };

  let closing: Promise<void> | undefined;
  const running: RunningService = {
    name,
    app,
    logger,
    embedded: [
      ...(embedded ? ['PostgreSQL'] : []),
      ...(declaration.cache && !configuration.environment.get('REDIS_URL') ? ['cache (in memory)'] : []),
      ...(messaging && inProcess(configuration.environment) ? ['events (in process)'] : []),
    ],
    get ports() {
      const address = app.getHttpServer().address();
      return { grpc: server.port, http: typeof address === 'object' ? (address?.port ?? 0) : 0 };
    },
    listen,
    close: () => {
      const shutdown = configuration.get(ShutdownConfig);
      closing ??= stopService({ app, sockets, server, messaging, lifecycle, shutdown, logger }).finally(() =>
        embedded?.release(),
      );
      return closing;
    },
    forceClose: () => server.forceClose(),
  };
  return running;
}

/** Whether events stay in this process. */
function inProcess(environment: Environment): boolean {
  return environment.get('NATS_URL')?.startsWith('memory:') ?? true;
}

/** A controller of another package, or none of the declared one, is a declaration that lies. */
function refuseStrangers({ name, package: declared }: ServiceDeclaration, services: string[]): void {
  const strangers = services.filter((service) => service.slice(0, service.lastIndexOf('.')) !== declared);
  if (strangers.length > 0)
    throw new TypeError(`${name} declares the package ${declared} but serves ${strangers.join(', ')}`);
  if (services.length === 0)
    throw new TypeError(`${name} declares the package ${declared} but has no @GrpcController of it`);
}
