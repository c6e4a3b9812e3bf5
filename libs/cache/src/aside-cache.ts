import { randomUUID } from 'node:crypto';
import { callContext } from '@rookery/context';
import { NotFound, fromStatus, toStatus } from '@rookery/errors';
import { Logger, Metrics } from '@rookery/observability';
import type { CacheConfig } from './cache.config.js';
import { Flight } from './flight.js';
import type { CacheStore } from './store.js';

/** A stored reply, or the stored fact that there is none; with the versions of its tags when its load began. */
type Entry = { versions: string } & ({ bytes: string } | { missing: { message: string; details: string } });

export interface LoadOptions {
  /** Milliseconds. Default: CACHE_TTL. */
  ttl?: number;
  tags?: readonly string[];
}

const LONGEST_TTL = 24 * 60 * 60 * 1000;
const JITTER = 0.05;
/** A tag's version outlives every entry that was stored under the version before. */
const TAG_TTL = 2 * LONGEST_TTL;
/** After the cache failed, how long calls do not even ask it. */
const REST = 1_000;
const RETRY_INVALIDATION = 1_000;

/**
 * Cache-aside that never serves what was invalidated. Each tag has a version; an entry holds the versions that were
 * current *before* its load began, and counts only while they still are. So a slow load that read the old row can
 * store it after the invalidation, and nobody will read it (the idea of Memcache's namespaces and of Facebook's leases,
 * NSDI 2013). A cache that is down or slow is a cache that misses.
 */
export class AsideCache {
  private readonly flights = new Map<string, Flight<Uint8Array>>();
  private readonly unsent = new Set<string>();
  private readonly results;
  private restUntil = 0;
  private retry: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: CacheStore,
    private readonly config: CacheConfig,
    private readonly service: string,
    metrics: Metrics,
    private readonly logger: Logger,
    private readonly random: () => number = Math.random,
  ) {
    this.results = metrics.counter('cache_requests_total', 'Look-ups, by result: hit, miss, wait, error.', ['result']);
  }

  /**
   * The value of `key`: from the cache, or from `load`, which runs once however many callers of this process wait.
   * What `load` throws reaches them all; `NotFound` is remembered for CACHE_NEGATIVE_TTL. A call that ends stops
   * waiting, with its reason; the load goes on as long as another caller waits.
   */
  async getOrLoad(key: string, load: () => Promise<Uint8Array>, options: LoadOptions = {}): Promise<Uint8Array> {
    const signal = callContext()?.signal;
    signal?.throwIfAborted();
    const flying = this.flights.get(key);
    if (flying && !flying.abandoned) {
      this.results.inc({ result: 'wait' });
      return flying.join(signal);
    }
    const flight = new Flight((abandoned) => this.look(key, load, options, abandoned));
    this.flights.set(key, flight);
    flight.onLanded(() => {
      // An invalidation, or callers who all left, may have made room for a flight that began later.
      if (this.flights.get(key) === flight) this.flights.delete(key);
    });
    return flight.join(signal);
  }

  /**
   * Makes every entry with one of `tags` worthless, in all replicas. Call it after the commit. While the cache cannot
   * be reached it is tried again until it can.
   */
  async invalidate(tags: readonly string[]): Promise<void> {
    // Whoever asks from now on must not join a load that began before.
    this.flights.clear();
    for (const tag of tags) this.unsent.add(tag);
    await this.sendInvalidations();
  }

  async close(): Promise<void> {
    clearTimeout(this.retry);
    await this.store.close();
  }

  private async look(
    key: string,
    load: () => Promise<Uint8Array>,
    { ttl, tags = [] }: LoadOptions,
    abandoned: AbortSignal,
  ): Promise<Uint8Array> {
    const name = this.nameOf(key);
    const found = await this.ask((keyv) =>
      keyv.getMany<string | Entry>([name, ...tags.map((tag) => this.tagName(tag))]),
    );
    const [entry, ...current] = found ?? [];
    const versions = current.map((version) => version ?? '').join();
    if (isEntry(entry) && entry.versions === versions && !tags.some((tag) => this.unsent.has(tag))) {
      this.results.inc({ result: 'hit' });
      if ('bytes' in entry) return Buffer.from(entry.bytes, 'base64');
      throw fromStatus({
        code: 5,
        message: entry.missing.message,
        details: Buffer.from(entry.missing.details, 'base64'),
      });
    }
    this.results.inc({ result: found ? 'miss' : 'error' });
    abandoned.throwIfAborted();
    try {
      const bytes = await load();
      if (found)
        await this.keep(name, { versions, bytes: Buffer.from(bytes).toString('base64') }, ttl ?? this.config.ttl);
      return bytes;
    } catch (error) {
      if (found && error instanceof NotFound) {
        const { message, details } = toStatus(error, this.service);
        const missing = { message, details: details.toString('base64') };
        await this.keep(name, { versions, missing }, this.config.negativeTtl);
      }
      throw error;
    }
  }

  private async keep(name: string, entry: Entry, ttl: number): Promise<void> {
    const jittered = Math.min(ttl, LONGEST_TTL) * (1 + JITTER * (2 * this.random() - 1));
    if (jittered > 0) await this.ask((keyv) => keyv.set(name, entry, Math.round(jittered)));
  }

  private async sendInvalidations(): Promise<void> {
    const tags = [...this.unsent];
    const sent = await this.ask(
      (keyv) => Promise.all(tags.map((tag) => keyv.set(this.tagName(tag), randomUUID(), TAG_TTL))),
      { always: true },
    );
    if (sent) for (const tag of tags) this.unsent.delete(tag);
    if (this.unsent.size === 0 || this.retry) return;
    this.logger.warn({ tags: this.unsent.size }, 'invalidations wait for the cache');
    this.retry = setTimeout(() => {
      this.retry = undefined;
      void this.sendInvalidations();
    }, RETRY_INVALIDATION).unref();
  }

  /**
   * Asks the store, for CACHE_TIMEOUT at most; undefined when it does not answer. A call may leave sooner (`getOrLoad`);
   * an invalidation is not the call's alone and goes on.
   */
  private async ask<T>(
    question: (keyv: CacheStore['keyv']) => Promise<T>,
    { always = false } = {},
  ): Promise<T | undefined> {
    if (!always && Date.now() < this.restUntil) return undefined;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const { timeout } = this.config;
      timer = setTimeout(() => reject(new Error(`the cache did not answer within ${timeout} ms`)), timeout);
    });
    try {
      return await Promise.race([question(this.store.keyv), late]);
    } catch (error) {
      this.restUntil = Date.now() + REST;
      this.logger.debug({ error }, 'the cache failed');
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  private nameOf(key: string): string {
    return `${this.service}:${key}`;
  }

  private tagName(tag: string): string {
    return `${this.service}:tag:${tag}`;
  }
}

/** A corrupt value counts as none. */
function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null || typeof (value as Entry).versions !== 'string') return false;
  const { bytes, missing } = value as { bytes?: unknown; missing?: { message?: unknown; details?: unknown } };
  return typeof bytes === 'string' || (typeof missing?.message === 'string' && typeof missing.details === 'string');
}
