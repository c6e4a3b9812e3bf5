import { type ServerHttp2Session, constants } from 'node:http2';
import type { Server } from 'node:net';
import type { Server as NativeServer } from '@grpc/grpc-js';
import { OpenSockets } from '@rookery/resilience';
import type { GrpcLimits } from './grpc-limits.js';

/** Pings that come too soon before a client is cut off, as gRPC's reference servers count them. */
const MOST_STRIKES = 2;

/** What the server writes between two pings when nobody is served: the answer to the ping, and what windows need. */
const IDLE_BYTES = 64;

/** How long the calls of a client that was told to calm down may go on, in milliseconds. */
const CALM_GRACE = 1_000;

/** Connections of the same age must not all leave at once: give or take a tenth. */
const JITTER = 0.1;

/**
 * The connections of a server: it lets go of old ones, and tells their streams to call again before it cuts them off,
 * which grpc-js does not; and it cuts off clients that ping too often, which grpc-js allows.
 */
export class Connections {
  private closing = false;
  private readonly sessions = new Set<ServerHttp2Session>();
  private readonly sockets = new OpenSockets();

  /** @param onOverdue told of a connection that still carries calls when its grace is over; it is cut off afterwards */
  constructor(
    private readonly limits: GrpcLimits,
    private readonly onOverdue: (session: ServerHttp2Session) => void,
  ) {}

  /** Watches the connections of `server`, which listens. */
  watch(server: NativeServer): void {
    // grpc-js has no event for connections; its map of HTTP/2 servers is the one place to hear of them.
    for (const http2 of server['http2Servers'].keys()) {
      http2.on('session', (session: ServerHttp2Session) => this.opened(session));
      this.sockets.watch(http2 as unknown as Server);
    }
  }

  /**
   * Tells clients to call elsewhere and resolves when the last connection is closed: when its calls have ended.
   * (grpc-js's own wait does not end when a connection has been destroyed whose peer does not answer any more.)
   */
  async close(): Promise<void> {
    this.closing = true;
    const open = [...this.sessions].filter(({ destroyed }) => !destroyed);
    // Not `once` of node:events, which fails when a connection breaks: broken is closed.
    const closed = open.map((session) => new Promise<void>((resolve) => session.once('close', () => resolve())));
    for (const session of open) if (!session.closed) session.close();
    this.sockets.closeUnused();
    await Promise.all(closed);
  }

  /** Cuts all of them off. */
  destroy(): void {
    for (const session of this.sessions) session.destroy(undefined, constants.NGHTTP2_CANCEL);
    // A session that was told to close waits for its peer, and what was said to the calls goes out first.
    setImmediate(() => this.sockets.closeAll());
  }

  private opened(session: ServerHttp2Session): void {
    const { maxConnectionAge, minPingInterval } = this.limits;
    this.sessions.add(session);
    session.once('close', () => this.sessions.delete(session));
    // It was on its way when the server stopped listening.
    if (this.closing) {
      session.close();
      return this.sockets.closeUnused();
    }
    if (maxConnectionAge > 0) this.letGoWhenOld(session);
    if (minPingInterval > 0) this.countPings(session);
  }

  /** https://github.com/grpc/proposal/blob/master/A9-server-side-conn-mgt.md */
  private letGoWhenOld(session: ServerHttp2Session): void {
    const { maxConnectionAge, connectionAgeGrace } = this.limits;
    const age = maxConnectionAge * (1 + JITTER * (2 * Math.random() - 1));
    let grace: NodeJS.Timeout | undefined;
    const old = setTimeout(() => {
      // GOAWAY with the last call that has arrived: clients repeat elsewhere, unseen, what was still on its way.
      session.close();
      grace = setTimeout(() => {
        this.onOverdue(session);
        // What has just been said to its calls goes out first.
        setImmediate(() => session.destroy());
      }, connectionAgeGrace).unref();
    }, age).unref();
    session.once('close', () => {
      clearTimeout(old);
      clearTimeout(grace);
    });
  }

  /** https://github.com/grpc/proposal/blob/master/A8-client-side-keepalive.md#server-enforcement */
  private countPings(session: ServerHttp2Session): void {
    let strikes = 0;
    let last = Number.NEGATIVE_INFINITY;
    let written = 0;
    session.on('ping', () => {
      const now = performance.now();
      const { bytesWritten } = session.socket;
      const busy = bytesWritten - written > IDLE_BYTES;
      if (busy) strikes = 0;
      else if (now - last < this.limits.minPingInterval) strikes += 1;
      last = now;
      written = bytesWritten;
      if (strikes <= MOST_STRIKES || session.destroyed) return;
      // Clients know this text and ping less often when they come back.
      session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from('too_many_pings'));
      session.close();
      setTimeout(() => session.destroy(), CALM_GRACE).unref();
    });
  }
}
