import { setMaxListeners } from 'node:events';
import { type CallContext, callContext } from '@rookery/context';
import pg from 'pg';
import { LeasedClient } from './leased-client.js';

type Release = (broken?: Error | boolean) => void;
type Connected = (error: Error | undefined, client: pg.PoolClient | undefined, release: Release) => void;

/**
 * pg's pool for work that belongs to calls: a call that ends stops waiting for a connection, and one it has comes back
 * when its work has ended on the server too. Outside of a call it is pg's pool and nothing else.
 */
export class CallPool extends pg.Pool {
  constructor(options: pg.PoolConfig) {
    super({ ...options, Client: LeasedClient });
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
    if (!call) return super.connect(callback);
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
      if (signal.aborted) {
        // Not at once: the pool hands it to the next in the same stack, and thousands may have left.
        if (client) queueMicrotask(release);
        // A listener has told it already.
        return waits ? undefined : leave();
      }
      if (!client) return callback(error, client, release);
      const leased = client as pg.PoolClient & LeasedClient;
      leased.lease(call);
      leased.release = (broken) => giveBack(leased, release, broken);
      callback(undefined, leased, leased.release);
    });
  }
}

function giveBack(client: LeasedClient, release: Release, broken?: Error | boolean): void {
  const ending = client.endLease();
  if (!ending || broken) {
    ending?.catch(() => undefined);
    return release(broken);
  }
  // Nobody listens in between, and an error that nobody hears ends the process.
  const ignore = () => undefined;
  client.on('error', ignore);
  const done = (error?: Error) => {
    client.removeListener('error', ignore);
    release(error);
  };
  ending.then(() => done(), done);
}
