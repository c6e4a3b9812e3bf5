import { Environment, loadConfig } from '@rookery/config';
import { type LogConfig, Metrics, createLogger } from '@rookery/observability';
import { AsideCache } from './aside-cache.js';
import { CacheConfig } from './cache.config.js';
import type { CacheStore } from './cache-store.js';
import { MemoryStore } from './memory-store.js';

export const SERVICE = 'test';

/** A store like the one that replicas share, so that leases are taken; a test comes between where it likes. */
export function sharedStore(): CacheStore {
  const memory: CacheStore = new MemoryStore({ entries: 1_000, bytes: 1_000_000 });
  return Object.assign(memory, { shared: true });
}

export const isLease = (key: string) => key.startsWith(`${SERVICE}:lease:`);

/** A cache on `store`. */
export function openCache(store: CacheStore, variables: Record<string, string> = {}, random?: () => number) {
  const [config] = loadConfig([CacheConfig], new Environment(variables));
  const logger = createLogger({ level: 'silent', format: 'json' } as LogConfig, SERVICE);
  const metrics = new Metrics();
  const cache = new AsideCache(store, config, SERVICE, metrics, logger, random);
  return {
    cache,
    get: (value: string) => cache.getOrLoad('k', async () => Buffer.from(value), { tags: ['t'] }).then(String),
    /** Look-ups by result. */
    requests: async () => {
      const { values } = await metrics.registry.getSingleMetric('cache_requests_total')!.get();
      return Object.fromEntries(values.map(({ labels, value }) => [labels.result, value]));
    },
  };
}
