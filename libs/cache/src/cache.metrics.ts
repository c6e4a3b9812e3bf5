import type { Metrics } from '@rookery/observability';
import type { BreakerState } from '@rookery/resilience';
import type { Asking } from './bounded-store.js';

/** Seconds: from what a local query takes to what a caller hardly waits for. */
const LOAD_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const STATES: readonly BreakerState[] = ['closed', 'half-open', 'open'];

/** What operators see of the cache. `waiting` and `unsent` are read when they ask. */
export class CacheMetrics {
  private readonly requests;
  private readonly durations;
  private readonly leases;
  private readonly breaker;
  private readonly openings;
  private readonly refusals;

  constructor(metrics: Metrics, waiting: () => number, unsent: () => number) {
    this.requests = metrics.counter(
      'cache_requests_total',
      'Look-ups, by result: hit, stale (served, and refreshed), miss, wait (joined a load), invalidating (an invalidation is not taken yet), error (the cache had no answer).',
      ['result'],
    );
    this.durations = metrics.histogram(
      'cache_load_duration_seconds',
      'Loads, by result: value, missing (not found), error.',
      ['result'],
      LOAD_BUCKETS,
    );
    this.leases = metrics.counter('cache_lease_waits_total', 'Misses that waited for the load of another process.');
    this.breaker = metrics.gauge('circuit_breaker_state', '1 for the state that the breaker is in.', ['name', 'state']);
    this.openings = metrics.counter('circuit_breaker_openings_total', 'How often it opened, by reason.', [
      'name',
      'reason',
    ]);
    this.refusals = metrics.counter('cache_refusals_total', 'What the cache has refused to do, though it answers.', [
      'asking',
    ]);
    metrics.gauge('cache_loads_waiting', 'Loads that wait for CACHE_MAX_LOADS.', [], (gauge) => gauge.set(waiting()));
    metrics.gauge('cache_invalidations_unsent', 'Tags whose invalidation the cache has not taken yet.', [], (gauge) =>
      gauge.set(unsent()),
    );
    this.breakerIs('closed');
  }

  request(result: 'hit' | 'stale' | 'miss' | 'wait' | 'invalidating' | 'error'): void {
    this.requests.inc({ result });
  }

  /** @param startedAt of performance.now() */
  load(result: 'value' | 'missing' | 'error', startedAt: number): void {
    this.durations.observe({ result }, (performance.now() - startedAt) / 1000);
  }

  leaseWait(): void {
    this.leases.inc();
  }

  refusal(asking: Asking): void {
    this.refusals.inc({ asking });
  }

  breakerIs(current: BreakerState): void {
    for (const state of STATES) this.breaker.set({ name: 'cache', state }, state === current ? 1 : 0);
  }

  breakerOpened(reason: unknown): void {
    // The class of the error: texts are without bound, labels must not be.
    this.openings.inc({ name: 'cache', reason: (reason as Error | undefined)?.constructor.name ?? '' });
  }
}
