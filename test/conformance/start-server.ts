import type { INestApplication, Provider, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { type GrpcLimits, GrpcModule, GrpcServer } from '@rookery/grpc';
import { CallObserver, type LogConfig, Metrics, Tracer, createLogger } from '@rookery/observability';
import { RawClient } from './raw-client.js';

/** What a test serves. */
export interface Served {
  controllers: Type[];
  providers?: Provider[];
  /** `app.useGlobalGuards(…)` and the like. */
  configure?: (app: INestApplication) => void;
  limits?: Partial<GrpcLimits>;
}

export interface StartedServer {
  /** `127.0.0.1:<port>` */
  address: string;
  server: GrpcServer;
  client: RawClient;
  /** Cancels what the client has left running and stops the server. @throws when a call that is over holds that up */
  close(): Promise<void>;
}

/** How long a server may take to stop when nobody calls it, in milliseconds: streams get 1 s of grace. */
const PATIENCE = 3_000;

/** A Nest application with a Rookery server on a free port, wired as `@rookery/service` does it, and a client of it. */
export async function startServer({ controllers, providers = [], configure, limits }: Served): Promise<StartedServer> {
  class ConformanceModule {}
  const logger = createLogger({ level: 'silent', format: 'json' } as LogConfig, 'conformance');
  const module = { module: ConformanceModule, imports: [GrpcModule], controllers, providers };
  const app = await NestFactory.create(module, new FastifyAdapter(), { logger: false });
  configure?.(app);
  const server = new GrpcServer({
    name: 'conformance',
    host: '127.0.0.1',
    port: 0,
    limits,
    observer: new CallObserver(new Metrics(), logger, Tracer.off),
  });
  app.connectMicroservice<MicroserviceOptions>({ strategy: server.attach(app) }, { inheritAppConfig: true });
  await app.startAllMicroservices();
  const address = `127.0.0.1:${server.port}`;
  const client = new RawClient(address);
  let closed: Promise<void> | undefined;
  const stop = async () => {
    client.cancelAll();
    let forced = false;
    const patience = setTimeout(() => {
      forced = true;
      server.forceClose();
    }, PATIENCE);
    await app.close();
    clearTimeout(patience);
    client.close();
    if (forced) throw new Error(`the server waits for calls that are over: it did not stop within ${PATIENCE} ms`);
  };
  const close = () => (closed ??= stop());
  return { address, server, client, close };
}
