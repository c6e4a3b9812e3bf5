import { setMaxListeners } from 'node:events';
import { type CallContext, callContext } from '@rookery/context';
import type { Logger } from '@rookery/observability';
import pg from 'pg';
import { GivenBackEarly, LeasedClient } from './leased-client.js';

/** What a pool tells of itself. */
export interface PoolObserver {
  /** A connection was handed out after so many milliseconds. */
  waited(ms: number): void;
  /** None could be opened, none came free in time, or one that was open broke. */
  failed(reason: 'connect' | 'wait' | 'broken'): void;
}

export interface CallPoolOptions extends pg.PoolConfig {
  observer?: PoolObserver;
  logger?: Logger;
}

/** Connections that were opened together must not end together: each lives for a random part of the last tenth less. */
const LIFETIME_JITTER = 0.1;

/** Whether all connections were in use for as long as one may be waited for. */
export function isWaitTimeout(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('timeout exceeded');
}

type Release = (broken?: Error | boolean) => void;
type Connected = (error: Error | undefined, client: pg.PoolClient | undefined, release: Release) => void;

/**
 * pg's pool for work that belongs to calls: a call that ends stops waiting for a connection, and one it has comes back
 * when its work has ended on the server too. In a call or not, a connection that comes back within a transaction is closed:
 * whoever got it next would commit what it holds.
 */
export class CallPool extends pg.Pool {
  private readonly observer: PoolObserver | undefined;

  constructor({ observer, logger, ...options }: CallPoolOptions) {
    super({ ...options, Client: LeasedClient });
    this.observer = observer;
    const { maxLifetimeSeconds: longest } = options;
    if (longest) {
      const jittered = { get: () => longest * (1 - Math.random() * LIFETIME_JITTER), set: undefined };
      // pg-pool reads it anew for each connection.
      Object.defineProperty(this.options, 'maxLifetimeSeconds', jittered);
    }
    this.on('release', (error) => {
      if (!error) return;
      observer?.failed('broken');
      if (error instanceof GivenBackEarly) logger?.error({ error }, error.message);
    });
    this.on('error', () => observer?.failed('broken'));
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<pg.PoolClient> | void {
    if (callback) return this.connectFor(callContext(), callback);
    return new Promise((resolve, reject) =>
      this.connectFor(callContext(), (error, client) => (client ? resolve(client) : reject(error))),
    );
  }

  private connectFor(call: CallContext | undefined, callback: Connected): void {
    const startedAt = performance.now();
    const told: Connected = (error, client, release) => {
      if (!client) {
        this.observer?.failed(isWaitTimeout(error) ? 'wait' : 'connect');
        return callback(error, client, release);
      }
      const leased = client as pg.PoolClient & LeasedClient;
      leased.lease(call);
      leased.release = (broken) => giveBack(leased, release, broken);
      this.observer?.waited(performance.now() - startedAt);
      callback(undefined, leased, leased.release);
    };
    if (!call) return super.connect(told);
    const { signal } = call;
    const leave = () => callback(signal.reason, undefined, () => undefined);
    if (signal.aborted) return leave();
    // One for each connection that the call has or waits for: many at once are no leak.
    setMaxListeners(0, signal);
    // With a free connection there is no wait that could be ended.
    const waits = this.idleCount <= this.waitingCount;
    if (waits) signal.addEventListener('abort', leave);
    super.connect((error, client, release) => {
      if (waits) signal.removeEventListener('abort', leave);
      if (!signal.aborted) return told(error, client, release);
      // Not at once: the pool hands it to the next in the same stack, and thousands may have left.
      if (client) queueMicrotask(release);
      // A listener has told it already.
      if (!waits) leave();
    });
  }
}

function giveBack(client: LeasedClient, release: Release, broken?: Error | boolean): void {
  const ending = client.endLease();
  if (!ending || broken) {
    ending?.catch(() => undefined);
    return release(broken);
  }
  ending.then(() => release(), release);
}
