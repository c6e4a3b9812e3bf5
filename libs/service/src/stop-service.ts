import { setTimeout as sleep } from 'node:timers/promises';
import type { INestApplication } from '@nestjs/common';
import type { GrpcServer } from '@rookery/grpc';
import type { Lifecycle } from '@rookery/health';
import type { Messaging } from '@rookery/messaging';
import type { Logger } from '@rookery/observability';
import type { OpenSockets } from '@rookery/resilience';
import type { ShutdownConfig } from './service.config.js';

interface Parts {
  app: INestApplication;
  /** Of probes and metrics. */
  sockets: OpenSockets;
  server: GrpcServer;
  messaging: Messaging | undefined;
  lifecycle: Lifecycle;
  shutdown: ShutdownConfig;
  logger: Logger;
}

/** How long a probe that is being asked holds up the end; milliseconds. */
const PROBE_LIMIT = 2_000;

/**
 * Stops a service without losing a call or an event: not ready any more → keep serving for the drain (load balancers
 * take a moment to notice) → accept no further calls and let the running ones end, at most for the timeout → drain the
 * bus and the relay → close the rest, the database last.
 */
export async function stopService({
  app,
  sockets,
  server,
  messaging,
  lifecycle,
  shutdown,
  logger,
}: Parts): Promise<void> {
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
      sockets.closeUnused();
      const late = setTimeout(() => sockets.closeAll(), PROBE_LIMIT);
      await app.close().finally(() => clearTimeout(late));
    }
  }
  lifecycle.advance('stopped');
  logger.info('stopped');
}
