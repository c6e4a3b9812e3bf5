import { Injectable } from '@nestjs/common';
import { Metrics } from '@rookery/observability';
import type { CallPool, PoolObserver } from './call-pool.js';

/** Seconds: from a connection that is free to one that is waited for as long as it is allowed. */
const WAIT_BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 3, 10];
const TRANSACTION_BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.1, 0.25, 1, 5, 30];

/** What the database costs a service: its pools, its transactions, what breaks and is repeated. */
@Injectable()
export class DatabaseMetrics {
  private readonly pools = new Map<string, () => CallPool | undefined>();
  private readonly wait;
  private readonly errors;
  private readonly transactions;
  private readonly repeats;

  constructor(metrics: Metrics) {
    metrics.gauge('database_pool_connections', 'Connections of the pool, by state.', ['pool', 'state'], (gauge) => {
      for (const [name, poolOf] of this.pools) {
        const pool = poolOf();
        if (!pool) continue;
        gauge.set({ pool: name, state: 'idle' }, pool.idleCount);
        gauge.set({ pool: name, state: 'in_use' }, pool.totalCount - pool.idleCount);
        gauge.set({ pool: name, state: 'waiting' }, pool.waitingCount);
      }
    });
    this.wait = metrics.histogram(
      'database_pool_wait_seconds',
      'How long connections were waited for.',
      ['pool'],
      WAIT_BUCKETS,
    );
    this.errors = metrics.counter(
      'database_connection_errors_total',
      'Connections that could not be opened (connect), did not come free in time (wait), or broke (broken).',
      ['pool', 'reason'],
    );
    this.transactions = metrics.histogram(
      'database_transaction_seconds',
      'Transactions from their begin to their end, without the wait for a connection.',
      ['outcome'],
      TRANSACTION_BUCKETS,
    );
    this.repeats = metrics.counter('database_repeats_total', 'Work that was repeated, by what went wrong.', [
      'work',
      'reason',
    ]);
  }

  /** Shows the pool that `poolOf` gives; @returns what the pool tells. */
  observe(name: string, poolOf: () => CallPool | undefined): PoolObserver {
    this.pools.set(name, poolOf);
    const labels = { pool: name };
    return {
      waited: (ms) => this.wait.observe(labels, ms / 1000),
      failed: (reason) => this.errors.inc({ pool: name, reason }),
    };
  }

  /** @param ms how long it was open */
  ended(outcome: 'committed' | 'rolled_back', ms: number): void {
    this.transactions.observe({ outcome }, ms / 1000);
  }

  repeated(work: 'transaction' | 'read', reason: 'conflict' | 'broken'): void {
    this.repeats.inc({ work, reason });
  }
}
