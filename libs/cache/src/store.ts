import KeyvRedis, { type RedisClientType, createClient } from '@keyv/redis';
import type { Dependency, Logger } from '@rookery/observability';
import { Keyv } from 'keyv';
import { LRUCache } from 'lru-cache';
import type { CacheConfig } from './cache.config.js';

/** Where entries are kept, and how to tell whether that works. */
export interface CacheStore {
  readonly keyv: Keyv;
  readonly dependency: Dependency;
  close(): Promise<void>;
}

/** The store that the configuration asks for: Redis, or memory when REDIS_URL is unset. */
export function openStore(config: CacheConfig, name: string, logger: Logger): CacheStore {
  return config.url === undefined ? inMemory(config) : onRedis(config.url, name, logger);
}

function inMemory({ memoryMax }: CacheConfig): CacheStore {
  const entries = new LRUCache<string, string>({ max: memoryMax });
  const store = {
    get: (key: string) => entries.get(key),
    set: (key: string, value: string) => entries.set(key, value),
    delete: (key: string) => entries.delete(key),
    clear: () => entries.clear(),
  };
  return {
    keyv: new Keyv({ store }),
    dependency: { name: 'cache', critical: false, check: async () => ({ up: true, detail: 'in memory' }) },
    close: async () => undefined,
  };
}

/** Milliseconds between two attempts to reconnect: doubling, never giving up. */
const backoff = (attempt: number) => Math.min(50 * 2 ** attempt, 2_000);

function onRedis(url: string, name: string, logger: Logger): CacheStore {
  const client = createClient({
    url,
    name,
    // A command for a Redis that is away fails at once instead of waiting for it.
    disableOfflineQueue: true,
    socket: { reconnectStrategy: backoff, connectTimeout: 2_000 },
    pingInterval: 5_000,
  }) as RedisClientType;
  let away = false;
  client.on('error', (error: unknown) => {
    if (!away) logger.warn({ error }, 'the cache is away; calls go to the database');
    away = true;
  });
  client.on('ready', () => {
    if (away) logger.info('the cache is back');
    away = false;
  });
  void client.connect().catch(() => undefined);
  const adapter = new KeyvRedis(client, { throwOnErrors: true, throwOnConnectError: false });
  return {
    keyv: new Keyv({ store: adapter, useKeyPrefix: false, throwOnErrors: true }),
    dependency: {
      name: 'cache',
      critical: false,
      check: async () => {
        await client.ping();
        return { up: true };
      },
    },
    close: async () => {
      // Nest's own cache module may have closed it already.
      if (client.isOpen) client.destroy();
    },
  };
}
