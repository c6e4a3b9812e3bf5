import { setTimeout as sleep } from 'node:timers/promises';
import type { INestApplication } from '@nestjs/common';
import type { GrpcServer } from '@rookery/grpc';
import type { Lifecycle } from '@rookery/health';
import type { Messaging } from '@rookery/messaging';
import type { Logger } from '@rookery/observability';
import type { ShutdownConfig } from './service.config.js';

interface Parts {
  app: INestApplication;
  server: GrpcServer;
  messaging: Messaging | undefined;
  lifecycle: Lifecycle;
  shutdown: ShutdownConfig;
  logger: Logger;
}

/**
 * Stops a service without losing a call or an event: not ready any more → keep serving for the drain (load balancers
 * take a moment to notice) → accept no further calls and let the running ones end, at most for the timeout → drain the
 * bus and the relay → close the rest, the database last.
 */
export async function stopService({ app, server, messaging, lifecycle, shutdown, logger }: Parts): Promise<void> {
  logger.info('stopping');
  const wasReady = lifecycle.state === 'ready';
  lifecycle.advance('draining');
  if (wasReady && shutdown.drain > 0) await sleep(shutdown.drain);
  const force = setTimeout(() => {
    logger.warn(`calls still run ${shutdown.timeout} ms after the drain; cutting them off`);
    server.forceClose();
  }, shutdown.timeout);
  try {
    await server.close();
  } finally {
    clearTimeout(force);
    try {
      await messaging?.stop();
    } finally {
      await app.close();
    }
  }
  lifecycle.advance('stopped');
  logger.info('stopped');
}
