import 'reflect-metadata';
import { createServer } from 'node:net';
import { type DynamicModule, type INestMicroservice, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { PROTO } from '../../load/proto.mjs';
import { announce } from '../announce.mjs';

/** Nest binds port 0 but does not tell which port that became. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

/** Serves the controllers of `module` by Nest's own gRPC transport. */
export async function serveNest(
  module: Type | DynamicModule,
  configure: (app: INestMicroservice) => void = () => {},
): Promise<void> {
  const port = await freePort();
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(module, {
    transport: Transport.GRPC,
    options: { url: `127.0.0.1:${port}`, package: 'bench.v1', protoPath: PROTO },
    logger: ['error', 'warn'],
  });
  configure(app);
  await app.listen();
  announce(port);
}
