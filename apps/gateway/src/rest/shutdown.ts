import { type BeforeApplicationShutdown, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Unavailable } from '@rookery/errors';
import { Lifecycle } from '@rookery/health';
import { OpenSockets } from '@rookery/resilience';
import { ShutdownConfig } from '@rookery/service';
import { type FastifyInstance } from 'fastify';
import { OpenStreams } from './open-streams.js';

/** What runs longer than this after the stop began is cut, in milliseconds. */
const DRAIN_LIMIT = 10_000;

/** The shortest time to keep a connection that is worth announcing: clients take up to 2 s off. In seconds. */
const SHORTEST_KEEP_ALIVE = 3;

/**
 * Makes `app.close()` graceful and bounded: streams are ended with an error event that tells clients to connect again,
 * what runs may finish within the limit, and no connection is kept alive, which would keep the server from closing. From
 * when the gateway drains clients are told to leave the connections that they use, and always to keep unused ones for less
 * than a drain: a request on one that is just being closed would be lost, and HTTP/1.1 has no way to say so in time.
 */
@Injectable()
export class Shutdown implements OnModuleInit, BeforeApplicationShutdown {
  private begun = false;
  private readonly sockets = new OpenSockets();

  constructor(
    private readonly streams: OpenStreams,
    private readonly host: HttpAdapterHost,
    private readonly lifecycle: Lifecycle,
    private readonly config: ShutdownConfig,
  ) {}

  onModuleInit(): void {
    const fastify = this.fastify;
    this.sockets.watch(fastify.server);
    const keepAlive = Math.floor(this.config.drain / 1_000) - 1;
    fastify.addHook('onSend', async (_request, reply) => {
      if (this.begun || this.lifecycle.state === 'draining') reply.header('connection', 'close');
      else if (keepAlive >= SHORTEST_KEEP_ALIVE) reply.header('keep-alive', `timeout=${keepAlive}`);
    });
    // The head of a stream promised to keep the connection long before.
    fastify.addHook('onRequest', async (request, reply) => {
      reply.raw.once('close', () => {
        if (this.begun) request.raw.socket.destroySoon();
      });
    });
  }

  beforeApplicationShutdown(): void {
    this.begun = true;
    this.streams.close(
      () => new Unavailable('The gateway is shutting down; connect again.', { reason: 'SHUTTING_DOWN' }),
    );
    // Somebody may be about to use one; who wants no request lost has a drain, and waits for these as for the others.
    if (this.config.drain === 0) this.sockets.closeUnused();
    const { server } = this.fastify;
    const limit = setTimeout(() => server.closeAllConnections(), DRAIN_LIMIT);
    // A gateway that never listened has no server to close.
    limit.unref();
    server.once('close', () => clearTimeout(limit));
  }

  private get fastify(): FastifyInstance {
    return this.host.httpAdapter.getInstance<FastifyInstance>();
  }
}
