import 'reflect-metadata';
import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { GrpcServer } from '@rookery/grpc';
import { announce } from '../announce.mjs';

/** Serves the controllers of `module` by Rookery's transport alone, without what a service gets beside it. */
export async function serveRookery(module: Type): Promise<void> {
  // Without an observer there are no logs and no metrics; nobody asks for a context.
  const strategy = new GrpcServer({ name: 'bench-service', host: '127.0.0.1', port: 0, context: false });
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(module, {
    strategy,
    logger: ['error', 'warn'],
  });
  strategy.attach(app);
  await app.listen();
  announce(strategy.port);
}
