import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, type INestMicroservice, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { LOADER_OPTIONS, PROTO_FILE, type Request } from './conformance-service.js';
import { RawClient } from './raw-client.js';

/** What the handlers of plain Nest do. */
export interface PlainHandlers {
  unary?(request: Request): unknown;
  serverStream?(request: Request): unknown;
  acknowledge?(request: Request): unknown;
}

export interface StartedPlainNest {
  app: INestMicroservice;
  client: RawClient;
  close(): Promise<void>;
}

function controllerOf(handlers: PlainHandlers): Type {
  const Rpc = (name: string) => GrpcMethod('ConformanceService', name);
  @Controller()
  class PlainController {
    @Rpc('Unary')
    unary(request: Request): unknown {
      return handlers.unary!(request);
    }
    @Rpc('ServerStream')
    serverStream(request: Request): unknown {
      return handlers.serverStream!(request);
    }
    @Rpc('Acknowledge')
    acknowledge(request: Request): unknown {
      return handlers.acknowledge!(request);
    }
  }
  return PlainController;
}

/** The conformance service on Nest’s own gRPC transport, as its documentation sets it up, behind a socket of its own. */
export async function startPlainNest(
  handlers: PlainHandlers,
  options: { gracefulShutdown?: boolean } = {},
): Promise<StartedPlainNest> {
  @Module({ controllers: [controllerOf(handlers)] })
  class PlainModule {}
  // A path, because the number of a free port cannot be had from it.
  const folder = mkdtempSync(join(tmpdir(), 'plain-nest-'));
  const url = `unix:${join(folder, 'grpc.sock')}`;
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(PlainModule, {
    transport: Transport.GRPC,
    options: { package: 'conformance.v1', protoPath: PROTO_FILE, loader: LOADER_OPTIONS, url, ...options },
    logger: false,
  });
  await app.listen();
  const client = new RawClient(url);
  const close = async () => {
    client.cancelAll();
    client.close();
    await app.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { app, client, close };
}
