import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConcurrencyGate } from '@rookery/resilience';
import type { BoundedStore } from './bounded-store.js';
import type { CacheConfig } from './cache.config.js';
import type { CacheMetrics } from './cache.metrics.js';
import {
  VERSION_LENGTH,
  freshUntil,
  areComplete,
  isCurrent,
  isIntact,
  missingEntry,
  valueEntry,
  valueOf,
} from './entry.js';
import type { Flight } from './flight.js';
import { type Lease, Leases } from './leases.js';
import { notFoundIn } from './not-found.js';
import { type Question, type Seen, versionsOf } from './question.js';

/** What is kept and served stale ends after a day, whatever is asked for. */
const LONGEST_LIFE = 24 * 60 * 60 * 1000;
const JITTER = 0.05;
/** How long a tag's version lives before anything is stored under it; a load that takes longer stores in vain. */
const UNUSED_VERSION_LIFE = 60_000;
/** Milliseconds between two looks for what another process loads. */
const FIRST_PAUSE = 2;
const LONGEST_PAUSE = 50;
/** Versions that may change under a load before it begins; a tag that is invalidated more often than that has no cache. */
const MOST_CHANGES = 2;
/** Versions that nobody has read: a tag without one is no other after an invalidation, so nobody may join by that. */
const UNKNOWN = '?';

type Loading = Flight<Uint8Array>;

export interface LoaderParts {
  store: BoundedStore;
  config: CacheConfig;
  /** The service's name, which begins the names of its leases. */
  service: string;
  metrics: CacheMetrics;
  gate: ConcurrencyGate;
  random: () => number;
}

/**
 * Loads what is missing, once for all processes: whoever takes the lease of a key loads, the others wait for the value.
 * The lease is named after the versions of the tags too, so that nobody who comes after an invalidation waits for a
 * load from before it.
 */
export class Loader {
  /** A load inside of a load has its outer one's place: waiting for another could be for ever. */
  private readonly inside = new AsyncLocalStorage<boolean>();

  private readonly leases: Leases;

  constructor(private readonly parts: LoaderParts) {
    this.leases = new Leases(parts.store, parts.config.lease);
  }

  /** Gives back the leases that it could not give back while the store was away. */
  settle(): Promise<void> {
    return this.leases.settle();
  }

  /** Without the cache, which has no answer, or takes none (`seen`): so many at once. */
  alone(question: Question, flight: Loading, seen?: Seen): Promise<Uint8Array> {
    const load = () => (seen ? this.load(question, seen, flight) : this.measured(question, flight));
    return this.inside.getStore() ? load() : this.parts.gate.run(() => this.inside.run(true, load), flight.signal);
  }

  /** The value: of this process' load, or of the one that is faster. */
  async once(question: Question, before: Seen, flight: Loading): Promise<Uint8Array> {
    const { store, config, metrics } = this.parts;
    const patience = performance.now() + 2 * config.lease;
    let waited = false;
    let changes = 0;
    for (let seen: Seen | undefined = before; ;) {
      seen = areComplete(seen.slice(1)) ? seen : await this.withVersions(question, seen);
      if (!seen) {
        flight.versions = UNKNOWN;
        return this.alone(question, flight);
      }
      flight.versions = versionsOf(seen);
      if (!store.shared) return this.load(question, seen, flight);
      // Nobody would find the value, so there is no point in waiting for it.
      if (store.refuses('store')) return this.alone(question, flight, seen);

      const lease = this.leaseOf(question, seen);
      const claimed = await this.leases.claim(lease, question.keys);
      if (!claimed) return this.alone(question, flight);
      seen = claimed.seen;
      const fresh = isFresh(seen);
      const same = versionsOf(seen) === flight.versions;
      if (!fresh && same && (claimed.mine || performance.now() > patience)) {
        return this.load(question, seen, flight, claimed.mine);
      }
      if (claimed.mine) void this.leases.release(claimed.mine);
      if (fresh) return valueOf(seen[0]!);
      if (same) {
        if (!waited) metrics.leaseWait();
        waited = true;
        seen = await this.waitForOther(question, lease, flight, patience);
        if (!seen) return this.alone(question, flight);
        if (isFresh(seen)) return valueOf(seen[0]!);
      }
      if (versionsOf(seen) !== flight.versions) changes += 1;
      if (changes === MOST_CHANGES) return this.alone(question, flight);
    }
  }

  /** Loads again what is served stale meanwhile, unless another process does. */
  async refresh(question: Question, stale: Seen, flight: Loading): Promise<Uint8Array | undefined> {
    const { store, gate } = this.parts;
    if (!store.shared) return this.load(question, stale, flight);
    // Nobody would find the value: it is loaded to see whether it is stored again, and not in front of those who wait.
    // A load within which the stale value was found does not wait for it, and does not lend it its place.
    if (store.refuses('store')) {
      return gate.full ? undefined : this.inside.run(false, () => this.alone(question, flight, stale));
    }
    const claimed = await this.leases.claim(this.leaseOf(question, stale), question.keys);
    if (!claimed?.mine) return undefined;
    if (!isFresh(claimed.seen) && versionsOf(claimed.seen) === flight.versions) {
      return this.load(question, claimed.seen, flight, claimed.mine);
    }
    void this.leases.release(claimed.mine);
    return undefined;
  }

  /** Gives each tag a version that has none: set before the load, so that an invalidation after it is one after it. */
  private async withVersions({ keys }: Question, seen: Seen): Promise<Seen | undefined> {
    const found = await this.parts.store.ask('claim', (store) => {
      const given = keys.slice(1).map((key, index) => {
        const version = seen[index + 1];
        if (version?.length === VERSION_LENGTH) return true;
        const drawn = randomBytes(VERSION_LENGTH);
        return version ? store.set(key, drawn, UNUSED_VERSION_LIFE) : store.add(key, drawn, UNUSED_VERSION_LIFE);
      });
      // On one connection the last question is answered last.
      return Promise.all([Promise.all(given), store.getMany(keys)]);
    });
    return found && areComplete(found[1].slice(1)) ? found[1] : undefined;
  }

  private leaseOf({ name }: Question, seen: Seen): string {
    return `${this.parts.service}:lease:${versionsOf(seen)}:${name}`;
  }

  /** Until the value is there, nobody has the lease, an invalidation has made both worthless, or patience has ended. */
  private async waitForOther(
    { keys }: Question,
    lease: string,
    flight: Loading,
    patience: number,
  ): Promise<Seen | undefined> {
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE)) {
      await delay(pause, undefined, { signal: flight.signal });
      const found = await this.parts.store.ask('look up', (store) => store.getMany([...keys, lease]));
      if (!found) return undefined;
      const seen = found.slice(0, -1);
      if (!found.at(-1) || isFresh(seen) || versionsOf(seen) !== flight.versions) return seen;
      if (performance.now() > patience) return seen;
    }
  }

  private async load(question: Question, seen: Seen, flight: Loading, lease?: Lease): Promise<Uint8Array> {
    const versions = seen.slice(1) as Buffer[];
    const { config, service, random } = this.parts;
    const release = () => void (lease && this.leases.release(lease));
    // Nobody waits here any more: the next one must not wait for this.
    flight.signal.addEventListener('abort', release, { once: true });
    const jitter = 1 + JITTER * (2 * random() - 1);
    try {
      const value = await this.measured(question, flight);
      const fresh = Math.min(question.ttl, LONGEST_LIFE) * jitter;
      const { staleFor } = question;
      const until = staleFor > 0 ? Date.now() + fresh : Infinity;
      flight.storing = this.keep(question, versions, valueEntry(value, versions, until), fresh + staleFor);
      return value;
    } catch (error) {
      const missing = notFoundIn(error);
      if (missing) {
        const entry = missingEntry(missing, service, versions);
        flight.storing = this.keep(question, versions, entry, config.negativeTtl * jitter);
      }
      throw error;
    } finally {
      flight.signal.removeEventListener('abort', release);
      // After the value, in the same pipeline: whoever finds no lease finds the value.
      release();
    }
  }

  private keep({ keys }: Question, versions: Buffer[], entry: Buffer, life: number): unknown {
    const ttl = Math.round(Math.min(life, LONGEST_LIFE));
    return ttl > 0 ? this.parts.store.ask('store', (store) => store.setWhile(keys, versions, entry, ttl)) : undefined;
  }

  private async measured({ load }: Question, { signal }: Loading): Promise<Uint8Array> {
    // All may have left while its turn, or its lease, was waited for.
    signal.throwIfAborted();
    const { metrics } = this.parts;
    const startedAt = performance.now();
    try {
      const value = await load();
      metrics.load('value', startedAt);
      return value;
    } catch (error) {
      metrics.load(notFoundIn(error) ? 'missing' : 'error', startedAt);
      throw error;
    }
  }
}

/** Whether an entry is there that counts and need not be refreshed. */
function isFresh(seen: Seen): boolean {
  return isCurrent(seen) && freshUntil(seen[0]!) > Date.now() && isIntact(seen[0]!);
}
