import KeyvRedis, { type RedisClientType, createClient } from '@keyv/redis';
import type { Logger } from '@rookery/observability';
import { Keyv } from 'keyv';
import type { CacheConfig } from './cache.config.js';
import type { CacheStore } from './cache-store.js';
import { MemoryStore } from './memory-store.js';
import { RedisStore } from './redis-store.js';

/** An open store: for `AsideCache`, and as the Keyv that Nest's `CACHE_MANAGER` wants. */
export interface OpenedStore {
  readonly store: CacheStore;
  readonly keyv: Keyv;
}

/** The store that the configuration asks for: Redis, or memory when REDIS_URL is unset. */
export function openStore(config: CacheConfig, name: string, logger: Logger): OpenedStore {
  if (config.url !== undefined) return onRedis(config.url, name, logger);
  const store = new MemoryStore({ entries: config.memoryMax, bytes: config.memoryMaxBytes });
  return { store, keyv: ofNest(new Keyv({ store: store.texts })) };
}

/** Milliseconds between two attempts to reconnect: doubling, never giving up. */
const backoff = (attempt: number) => Math.min(50 * 2 ** attempt, 2_000);

/**
 * Milliseconds after which a connection on which nothing was sent and nothing has come is closed and made anew. That ends
 * a handshake too, which has no other bound: `connectTimeout` ends with TCP's. The client's PINGs keep others going.
 */
const LONGEST_SILENCE = 5_000;

function onRedis(url: string, name: string, logger: Logger): OpenedStore {
  const client = createClient({
    url,
    name,
    // A command for a Redis that is away fails at once instead of waiting for it.
    disableOfflineQueue: true,
    socket: { reconnectStrategy: backoff, connectTimeout: 2_000, socketTimeout: LONGEST_SILENCE },
    pingInterval: LONGEST_SILENCE / 2,
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
    store: new RedisStore(client),
    keyv: ofNest(new Keyv({ store: adapter, namespace: name, useKeyPrefix: false, throwOnErrors: true })),
  };
}

/** Nest closes what it caches in before services end their work; the store is closed by `AsideCache`, at the end. */
function ofNest(keyv: Keyv): Keyv {
  keyv.disconnect = async () => undefined;
  return keyv;
}
