import { callContext } from '@rookery/context';
import type { Logger } from '@rookery/observability';
import type pg from 'pg';
import { isWaitTimeout } from './call-pool.js';
import { poolOptions } from './data-source-options.js';
import { type DatabaseConfig, replicasOf } from './database.config.js';
import type { DatabaseMetrics } from './database.metrics.js';
import { readScope } from './read-only.js';
import { Replica } from './replica.js';

/** A connection, and what gives it back. */
export type Connected = [pg.PoolClient, (broken?: Error | boolean) => void];

/** The read replicas of a service, if it has any. Starting does not wait for them, and without them the primary is read. */
export class Replicas {
  /** By the name that health and metrics show. */
  readonly all: ReadonlyMap<string, Replica>;

  constructor(config: DatabaseConfig, service: string, metrics: DatabaseMetrics, logger: Logger) {
    const replicas = new Map<string, Replica>();
    for (const [index, url] of replicasOf(config).entries()) {
      const name = `replica-${index + 1}`;
      const pool = poolOptions(
        config,
        logger,
        metrics.observe(name, () => replicas.get(name)?.pool),
      );
      replicas.set(name, new Replica({ url, name: service, pool, maxLag: config.replicaMaxLag }, logger));
    }
    this.all = replicas;
  }

  /** A connection to a replica that is fit to be read; what `primary` gives when there is none. */
  async connect(primary: () => Promise<Connected>): Promise<Connected> {
    const scope = readScope();
    const replica = scope?.replica?.state.up ? scope.replica : this.pick();
    if (!replica) return primary();
    try {
      const connected = await replica.connect();
      if (scope) scope.replica = replica;
      return connected;
    } catch (error) {
      // A call that has ended needs none, and too much work for the replica would be too much for the primary as well.
      if (callContext()?.signal.aborted || isWaitTimeout(error)) throw error;
      replica.lose((error as Error).message);
      return primary();
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.all.values()].map((replica) => replica.close()));
  }

  private pick(): Replica | undefined {
    const fit = [...this.all.values()].filter(({ state }) => state.up);
    return fit[Math.floor(Math.random() * fit.length)];
  }
}
