import type { Socket } from 'node:net';
import { Unavailable } from '@rookery/errors';
import type { Logger } from '@rookery/observability';
import pg from 'pg';
import { isReadTimeout, mappingErrors } from './database-errors.js';

/** Milliseconds between two attempts to connect: doubling from the first to the second. */
const BACKOFF = { first: 100, longest: 2_000 };
const CONNECT_TIMEOUT = 3_000;
/** Milliseconds between two renewals, at least. */
const RENEWAL = 10_000;
/** Milliseconds. Its statements are short; a server that does not answer one is gone, whatever TCP says. */
const QUERY_TIMEOUT = 5_000;
/** Milliseconds for the server to answer a goodbye, which one that has fallen silent never does. */
const END_LIMIT = 1_000;

/** Who hears of a channel, and what resolves when the server tells this session of it. */
interface Subscription {
  readonly listeners: Set<(payload: string | undefined) => void>;
  readonly ready: Promise<unknown>;
}

/**
 * One connection of a service beside its pool, for what must not queue behind calls or needs a session of its own:
 * LISTEN, session-level advisory locks, the health check. It reconnects for ever.
 */
export class ControlConnection {
  private client: pg.Client | undefined;
  private closed = false;
  private renewed = 0;
  private last: Promise<unknown> = Promise.resolve();
  private retry: NodeJS.Timeout | undefined;
  private readonly onConnected = new Set<() => void>();
  private readonly onLost = new Set<() => void>();
  private readonly subscriptions = new Map<string, Subscription>();

  constructor(
    private readonly url: string,
    private readonly name: string,
    private readonly logger: Logger,
    /** In log lines. */
    private readonly server: 'database' | 'replica' = 'database',
  ) {}

  get connected(): boolean {
    return this.client !== undefined;
  }

  /** Connects for the first time. @throws what the attempt failed with; later losses are mended in the background. */
  async open(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.url,
      application_name: `${this.name} control`,
      connectionTimeoutMillis: CONNECT_TIMEOUT,
      query_timeout: QUERY_TIMEOUT,
      keepAlive: true,
    });
    let live = false;
    const lose = (error?: Error) => {
      if (!live) return;
      live = false;
      this.client = undefined;
      if (this.closed) return;
      this.logger.warn({ error }, `lost the control connection to the ${this.server}`);
      for (const listener of this.onLost) listener();
      this.reconnect(BACKOFF.first);
    };
    client.on('error', lose);
    client.on('end', () => lose());
    client.on('notification', ({ channel, payload }) => this.deliver(channel, payload));
    try {
      await client.connect();
      for (const channel of this.subscriptions.keys()) await client.query(`LISTEN ${client.escapeIdentifier(channel)}`);
    } catch (error) {
      void end(client);
      throw error;
    }
    if (this.closed) return end(client);
    live = true;
    this.client = client;
    for (const listener of this.onConnected) listener();
  }

  /** Connects for the first time without anybody waiting for it, however long it takes. */
  openInBackground(): void {
    this.open().catch((error: unknown) => {
      this.logger.warn({ error }, `the ${this.server} cannot be reached yet`);
      this.reconnect(BACKOFF.first);
    });
  }

  /**
   * Runs one statement on this session, which keeps it prepared when it has a name.
   * @throws {Unavailable} while it is not connected, or when it breaks
   */
  async query<R extends pg.QueryResultRow>(text: string, values: unknown[] = [], name?: string): Promise<R[]> {
    if (!this.client) throw new Unavailable('the database is not available');
    const { client } = this;
    // One after the other: pg gives up queueing statements on a client.
    const result = this.last.then(() =>
      mappingErrors(async () => {
        try {
          return await client.query<R>({ text, values, name });
        } catch (error) {
          // With a statement under way this destroys the socket, and with that the connection counts as lost.
          if (isReadTimeout(error)) void end(client);
          throw error;
        }
      }),
    );
    this.last = result.catch(() => undefined);
    return (await result).rows;
  }

  /**
   * Calls `listener` for each NOTIFY on `channel`, and with undefined after a reconnection, when any number of them may
   * have been missed. @returns what ends it. @throws {Unavailable} while there is no connection.
   */
  async listen(channel: string, listener: (payload: string | undefined) => void): Promise<() => void> {
    if (!this.client) throw new Unavailable('the database is not available');
    let found = this.subscriptions.get(channel);
    if (!found) {
      found = { listeners: new Set(), ready: this.query(`LISTEN ${pg.escapeIdentifier(channel)}`) };
      this.subscriptions.set(channel, found);
    }
    const { listeners, ready } = found;
    listeners.add(listener);
    const stop = () => {
      if (!listeners.delete(listener) || listeners.size > 0) return;
      this.subscriptions.delete(channel);
      // Without a connection there is nothing to end; the next one does not ask for it.
      this.query(`UNLISTEN ${pg.escapeIdentifier(channel)}`).catch(() => undefined);
    };
    try {
      // Whoever came second must not go on before it has taken effect either.
      await ready;
    } catch (error) {
      stop();
      throw error;
    }
    return stop;
  }

  /** Calls `connected` after each connection from now on, `lost` after each loss. @returns what ends it. */
  onChange(handlers: { connected?: () => void; lost?: () => void }): () => void {
    if (handlers.connected) this.onConnected.add(handlers.connected);
    if (handlers.lost) this.onLost.add(handlers.lost);
    return () => {
      if (handlers.connected) this.onConnected.delete(handlers.connected);
      if (handlers.lost) this.onLost.delete(handlers.lost);
    };
  }

  /** Gives the session up for another one, when this server is not the right one; not more often than every 10 s. */
  renew(): void {
    if (Date.now() - this.renewed < RENEWAL) return;
    this.renewed = Date.now();
    if (this.client) void end(this.client);
  }

  /** Takes a second at most, whatever the server does. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.retry);
    const { client } = this;
    this.client = undefined;
    if (client) await end(client);
  }

  private deliver(channel: string, payload: string | undefined): void {
    for (const listener of this.subscriptions.get(channel)?.listeners ?? []) listener(payload ?? '');
  }

  private reconnect(wait: number): void {
    if (this.closed) return;
    this.retry = setTimeout(() => {
      this.open().then(
        () => {
          this.logger.info(`the control connection to the ${this.server} is back`);
          for (const { listeners } of this.subscriptions.values())
            for (const listener of listeners) listener(undefined);
        },
        () => this.reconnect(Math.min(wait * 2, BACKOFF.longest)),
      );
    }, wait);
  }
}

async function end(client: pg.Client): Promise<void> {
  const { connection } = client as unknown as { connection: { stream: Socket } };
  const timer = setTimeout(() => connection.stream.destroy(), END_LIMIT);
  await client.end().catch(() => undefined);
  clearTimeout(timer);
}
