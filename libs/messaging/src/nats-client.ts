import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from '@rookery/errors';
import type { DependencyState, Logger } from '@rookery/observability';
import { type NatsConnection, type NodeConnectionOptions, connect } from '@nats-io/transport-node';
import { natsLogin } from './nats-login.js';
import { within } from './within.js';

const CONNECT_TIMEOUT = 3_000;
/** Between two attempts to connect, plus up to as much at random, so that replicas do not come back all at once. */
const RECONNECT_WAIT = 500;
/** A server that answers no ping for this long, twice, is taken for dead. The client's own default is two minutes. */
const PING_INTERVAL = 10_000;
/** For what a closing connection still has to send. */
const DRAIN_TIMEOUT = 2_000;

/** A connection that works now, and which one it is: it rises with each (re)connection. */
export interface LiveConnection {
  readonly nats: NatsConnection;
  readonly epoch: number;
  /** Aborts when it breaks, with an `Unavailable`: nothing that it was asked is answered any more. */
  readonly lost: AbortSignal;
}

/**
 * The service's one connection to NATS. It connects in the background and reconnects for ever: a service starts, and
 * goes on accepting calls, while NATS is down.
 */
export class NatsClient {
  private live: LiveConnection | undefined;
  private losing = new AbortController();
  private epoch = 0;
  private lastError = 'not connected yet';
  private nats: NatsConnection | undefined;
  private readonly closing = new AbortController();
  private readonly listeners = new Set<() => void>();
  private readonly lostListeners = new Set<(error: Unavailable) => void>();
  private readonly loop: Promise<void>;

  constructor(
    private readonly url: string,
    private readonly name: string,
    private readonly logger: Logger,
  ) {
    this.loop = this.keepConnected();
  }

  /** The connection. @throws {Unavailable} while there is none. */
  current(): LiveConnection {
    if (!this.live) throw new Unavailable(`NATS is not available: ${this.lastError}`);
    return this.live;
  }

  /** The connection, as soon as there is one. @throws when `signal` aborts. */
  async whenConnected(signal: AbortSignal): Promise<LiveConnection> {
    while (!this.live) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        const wake = () => {
          unlisten();
          signal.removeEventListener('abort', wake);
          resolve();
        };
        const unlisten = this.onConnected(wake);
        signal.addEventListener('abort', wake);
      });
    }
    return this.live;
  }

  /** Calls `listener` after each (re)connection. @returns what ends it. */
  onConnected(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Calls `listener` whenever the connection breaks. @returns what ends it. */
  onLost(listener: (error: Unavailable) => void): () => void {
    this.lostListeners.add(listener);
    return () => this.lostListeners.delete(listener);
  }

  state(): DependencyState {
    return this.live ? { up: true } : { up: false, detail: this.lastError };
  }

  /** Sends what is to be sent, if that is possible within two seconds, and disconnects. */
  async close(): Promise<void> {
    this.closing.abort();
    const { nats } = this;
    if (nats && !nats.isClosed()) {
      const drained = this.live !== undefined && (await within(nats.drain(), DRAIN_TIMEOUT));
      if (!drained) await nats.close();
    }
    // An attempt that hangs in the resolver ends by itself, and closes what it has got.
    await within(this.loop, CONNECT_TIMEOUT);
  }

  /** Connects, and again should the client ever give the connection up for good. */
  private async keepConnected(): Promise<void> {
    while (!this.closing.signal.aborted) {
      try {
        const nats = await connect(this.options());
        this.nats = nats;
        if (this.closing.signal.aborted) return await nats.close();
        this.connected(nats);
        await this.follow(nats);
        this.lost((await nats.closed())?.message ?? 'the connection was closed');
      } catch (error) {
        this.lost(error instanceof Error ? error.message : String(error));
      }
      await sleep(RECONNECT_WAIT * (1 + Math.random()), undefined, { signal: this.closing.signal }).catch(() => {});
    }
  }

  private async follow(nats: NatsConnection): Promise<void> {
    for await (const status of nats.status()) {
      if (status.type === 'disconnect') this.lost('the connection broke');
      else if (status.type === 'reconnect') this.connected(nats);
      else if (status.type === 'error') this.logger.warn({ error: status.error }, 'NATS reports an error');
    }
  }

  private connected(nats: NatsConnection): void {
    this.losing = new AbortController();
    this.live = { nats, epoch: ++this.epoch, lost: this.losing.signal };
    this.logger.info(`connected to NATS at ${nats.getServer()}`);
    for (const listener of this.listeners) listener();
  }

  /** One line when the state changes, not one for each attempt. */
  private lost(reason: string): void {
    const wasLive = this.live !== undefined;
    const known = !wasLive && this.lastError === reason;
    this.live = undefined;
    this.lastError = reason;
    if (wasLive) {
      const error = new Unavailable(`the connection to NATS was lost: ${reason}`, { reason: 'CONNECTION_LOST' });
      this.losing.abort(error);
      for (const listener of this.lostListeners) listener(error);
    }
    if (!known && !this.closing.signal.aborted) this.logger.warn(`NATS is not available: ${reason}; trying for ever`);
  }

  private options(): NodeConnectionOptions {
    return {
      ...natsLogin(this.url),
      name: this.name,
      timeout: CONNECT_TIMEOUT,
      maxReconnectAttempts: -1,
      ignoreAuthErrorAbort: true,
      reconnectTimeWait: RECONNECT_WAIT,
      reconnectJitter: RECONNECT_WAIT,
      reconnectJitterTLS: RECONNECT_WAIT,
      pingInterval: PING_INTERVAL,
    };
  }
}
