import { createHash } from 'node:crypto';
import { callContext, remainingTime } from '@rookery/context';
import { type MessageCodec, schemaName } from '@rookery/contracts';
import type { Dependency, Logger, Metrics } from '@rookery/observability';
import { type BreakerState, ConcurrencyGate } from '@rookery/resilience';
import { type Asking, BoundedStore } from './bounded-store.js';
import type { CacheConfig } from './cache.config.js';
import { CacheMetrics } from './cache.metrics.js';
import type { Answer, CacheStore } from './cache-store.js';
import { FORMAT_NAME, MOST_TAGS, freshUntil, isCurrent, isIntact, valueOf } from './entry.js';
import { Flight } from './flight.js';
import { Invalidations } from './invalidations.js';
import { lifeOf } from './life.js';
import { Loader } from './loader.js';
import { notFoundIn } from './not-found.js';
import { type Question, type Seen, versionsOf } from './question.js';

export interface LoadOptions {
  /** How long the value is fresh: `'5m'` or milliseconds. Default: CACHE_TTL. */
  ttl?: string | number;
  /** What the value is about, 255 tags at most: invalidating any of them drops it. */
  tags?: readonly string[];
  /** How long it may be served after that while it is loaded again, once, in the background. Default: not at all. */
  staleFor?: string | number;
}

/** Longer names are stored by their hash: whoever chooses a request must not choose how much memory its key takes. */
const LONGEST_NAME = 200;
/** A refresh in the background is given up after so many milliseconds: nobody waits for it. */
const LONGEST_REFRESH = 30_000;
/** After a refresh failed, or could not be stored, how long the stale value is served without another attempt. */
const REFRESH_PAUSE = 1_000;

/**
 * Cache-aside that never serves what was invalidated. Each tag has a version; an entry holds the versions that were
 * current *before* its load began, and counts only while they still are. So a slow load that read the old row can
 * store it after the invalidation, and nobody will read it (the idea of Memcache's namespaces and of Facebook's leases,
 * NSDI 2013). A cache that is down or slow is a cache that misses.
 */
export class AsideCache {
  private readonly flights = new Map<string, Flight<Uint8Array>>();
  private readonly refreshing = new Set<string>();
  private readonly metrics: CacheMetrics;
  private readonly bounded: BoundedStore;
  private readonly invalidations: Invalidations;
  private readonly loader: Loader;

  constructor(
    private readonly store: CacheStore,
    private readonly config: CacheConfig,
    private readonly service: string,
    metrics: Metrics,
    private readonly logger: Logger,
    random: () => number = Math.random,
  ) {
    const gate = new ConcurrencyGate(config.maxLoads);
    this.bounded = new BoundedStore(store, {
      timeout: config.timeout,
      onFailure: (error) => logger.debug({ error }, 'the cache failed'),
      onRefusal: (asking, error, begins) => this.refused(asking, error, begins),
      onBreaker: (state, reason, before) => this.breakerChanged(state, reason, before),
    });
    this.invalidations = new Invalidations(this.bounded, this.tagName(''), (tags) =>
      logger.warn({ tags }, 'invalidations wait for the cache'),
    );
    this.metrics = new CacheMetrics(
      metrics,
      () => gate.waiting,
      () => this.invalidations.unsentTags,
    );
    this.loader = new Loader({ store: this.bounded, config, service, metrics: this.metrics, gate, random });
  }

  /**
   * The value of `key`: from the cache, or from `load`, which runs once however many callers of all processes wait.
   * What `load` throws reaches those of this process; `NotFound` is remembered for CACHE_NEGATIVE_TTL. A call that ends
   * stops waiting, with its reason; the load goes on as long as another caller waits. Nobody may write into the bytes.
   *
   * With a `codec` it takes and gives messages, which are kept apart by their schema: each caller has one of its own.
   * @throws {TypeError} for a time that is none, a tag that is no string, and more than 255 tags
   */
  getOrLoad(
    key: string,
    load: () => Promise<Uint8Array>,
    options?: LoadOptions & { codec?: undefined },
  ): Promise<Uint8Array>;
  getOrLoad<T>(key: string, load: () => T | Promise<T>, options: LoadOptions & { codec: MessageCodec<T> }): Promise<T>;
  async getOrLoad<T>(
    key: string,
    load: () => T | Promise<T>,
    { ttl, tags, staleFor, codec }: LoadOptions & { codec?: MessageCodec<T> } = {},
  ): Promise<T | Uint8Array> {
    const [fresh, stale] = [lifeOf('ttl', ttl), lifeOf('staleFor', staleFor)];
    if (!codec) return this.find(key, load as () => Promise<Uint8Array>, tags, fresh, stale);
    const name = `${schemaName(codec)}:${key}`;
    const bytes = () => this.find(name, async () => codec.encode(await load()).finish(), tags, fresh, stale);
    const found = await bytes();
    try {
      return codec.decode(found);
    } catch {
      // Not what was written: dropped and loaded again.
      await this.bounded.ask('invalidate', (store) => store.delete([this.entryName(name)]));
      return codec.decode(await bytes());
    }
  }

  /** As `getOrLoad` for bytes, times in milliseconds; at once when the store answers at once. */
  find(
    key: string,
    load: () => Promise<Uint8Array>,
    tags?: readonly string[],
    ttl = this.config.ttl,
    staleFor = 0,
  ): Answer<Uint8Array> {
    if (tags && tags.length > MOST_TAGS)
      throw new TypeError(`an entry has ${MOST_TAGS} tags at most, not ${tags.length}`);
    const name = this.entryName(key);
    const keys = tags ? [name, ...tags.map((tag) => this.tagName(tag))] : [name];
    const question = { name, keys, ttl, staleFor, load };
    const seen = this.bounded.ask('look up', (store) => store.getMany(keys));
    if (!(seen instanceof Promise)) return this.answer(question, seen);
    // Whoever is about to join a load counts as waiting for it.
    const letGo = this.flights.get(name)?.hold();
    return this.orEndOfCall(seen).then(
      (found) => {
        try {
          return this.answer(question, found);
        } finally {
          letGo?.();
        }
      },
      (error: unknown) => {
        letGo?.();
        throw error;
      },
    );
  }

  /**
   * Makes every entry with one of `tags` worthless, in all replicas. Call it after the commit. While the cache cannot
   * be reached it is tried again until it can.
   * @throws {TypeError} for a tag that is no string, when the others are invalidated: the change is made
   */
  async invalidate(tags: readonly string[]): Promise<void> {
    const named = tags.filter((tag) => typeof tag === 'string');
    await this.invalidations.add(named.map((tag) => this.tagName(tag)));
    // Names the one that is none.
    if (named.length < tags.length) for (const tag of tags) this.tagName(tag);
  }

  /** For readiness: a service without its cache is slower, not away. */
  get dependency(): Dependency {
    return {
      name: 'cache',
      critical: false,
      check: async () => {
        const { closed, reason } = this.bounded.breaker;
        if (!closed) return { up: false, detail: messageOf(reason) };
        await this.store.ping();
        const { refusal } = this.bounded;
        if (refusal) return { up: false, detail: `it refuses to ${refusal.asking}: ${messageOf(refusal.error)}` };
        return this.store.shared ? { up: true } : { up: true, detail: 'in memory' };
      },
    };
  }

  async close(): Promise<void> {
    const tags = await this.invalidations.close();
    if (tags > 0)
      this.logger.warn({ tags }, 'invalidations are lost: what they are about is served until its TTL ends');
    await this.bounded.close();
  }

  private answer(question: Question, seen: Seen | undefined): Answer<Uint8Array> {
    if (!seen) return this.join(question, 'error');
    if (this.invalidations.concern(question.keys)) return this.join(question, 'invalidating');
    if (!isCurrent(seen)) return this.join(question, 'miss', seen);
    const entry = seen[0]!;
    // What has not left this process is not damaged.
    if (this.store.shared && !isIntact(entry)) return this.join(question, 'miss', seen);
    if (freshUntil(entry) > Date.now()) {
      this.metrics.request('hit');
    } else {
      if (question.staleFor <= 0) return this.join(question, 'miss', seen);
      this.metrics.request('stale');
      this.refresh(question, seen);
    }
    return valueOf(entry);
  }

  /** Waits for the load that is under way, or begins one. @param seen undefined when the cache has no answer that counts */
  private join(question: Question, why: 'miss' | 'error' | 'invalidating', seen?: Seen): Promise<Uint8Array> {
    const signal = callContext()?.signal;
    signal?.throwIfAborted();
    const { name } = question;
    // Without the cache nothing tells whether a load began before a change but what this process itself has changed.
    const versions = seen ? versionsOf(seen) : this.invalidations.standing(question.keys);
    const flying = this.flights.get(name);
    if (flying?.versions === versions && !flying.abandoned) {
      this.metrics.request('wait');
      return flying.join(signal);
    }
    this.metrics.request(why);
    const flight = new Flight<Uint8Array>(versions, (loading) =>
      seen ? this.loader.once(question, seen, loading) : this.loader.alone(question, loading),
    );
    this.flights.set(name, flight);
    flight.onLanded(async () => {
      // Until the value is stored, others still find none and must find this.
      await flight.storing;
      if (this.flights.get(name) === flight) this.flights.delete(name);
    });
    return flight.join(signal);
  }

  private refresh(question: Question, stale: Seen): void {
    const { name } = question;
    if (this.refreshing.has(name)) return;
    this.refreshing.add(name);
    const done = () => void this.refreshing.delete(name);
    const later = () => void setTimeout(done, REFRESH_PAUSE).unref();
    const flight = new Flight(versionsOf(stale), async (loading: Flight<Uint8Array>) => {
      await this.loader.refresh(question, stale, loading);
      await loading.storing;
      return stale[0]!;
    });
    const refreshed = () => (this.bounded.refuses('store') ? later() : done());
    flight.join(AbortSignal.timeout(LONGEST_REFRESH)).then(refreshed, (error: unknown) => {
      if (notFoundIn(error)) return done();
      this.logger.warn({ error }, 'a stale value could not be refreshed');
      later();
    });
  }

  /** A call whose deadline comes before the cache's answer need not wait for that. */
  private orEndOfCall<T>(answer: Promise<T>): Promise<T> {
    const left = remainingTime();
    if (left === undefined || left > this.config.timeout) return answer;
    const { signal } = callContext()!;
    return new Promise((resolve, reject) => {
      const leave = () => reject(signal.reason);
      if (signal.aborted) leave();
      signal.addEventListener('abort', leave, { once: true });
      answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
    });
  }

  private breakerChanged(state: BreakerState, reason: unknown, before: BreakerState): void {
    this.metrics.breakerIs(state);
    // Not after each probe that fails.
    if (before === 'closed') {
      this.metrics.breakerOpened(reason);
      this.logger.warn({ error: reason }, 'the cache is not asked until it answers again');
    }
    if (state !== 'closed') return;
    this.logger.info('the cache answers again');
    void this.invalidations.send();
    void this.loader.settle();
  }

  private refused(asking: Asking, error: unknown, begins: boolean): void {
    this.metrics.refusal(asking);
    if (begins) this.logger.warn({ error, asking }, 'the cache answers, and refuses what it is asked');
  }

  private entryName(key: string): string {
    return `${this.service}:entry:${FORMAT_NAME}:${short(key)}`;
  }

  private tagName(tag: string): string {
    if (typeof tag !== 'string') throw new TypeError(`a tag is a string, not ${String(tag)}`);
    return `${this.service}:tag:${short(tag)}`;
  }
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

function short(name: string): string {
  return name.length <= LONGEST_NAME ? name : createHash('sha256').update(name).digest('base64url');
}
