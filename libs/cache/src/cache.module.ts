import { type DynamicModule, Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { CacheModule as NestCacheModule } from '@nestjs/cache-manager';
import { DependencyRegistry, Logger, Metrics } from '@rookery/observability';
import { AsideCache } from './aside-cache.js';
import { CacheConfig } from './cache.config.js';
import { CachedHandlers } from './cached-handlers.js';
import { type OpenedStore, openStore } from './open-store.js';

const STORE = Symbol('cache store');

/** The open store, shared by `AsideCache` and by Nest's own `CACHE_MANAGER`. */
@Global()
@Module({})
class CacheStoreModule {}

/**
 * Redis, or memory when REDIS_URL is unset: `@CacheAside` and `@CacheEvict` on handlers, `AsideCache` in code, and
 * Nest's `CACHE_MANAGER` for whatever else.
 */
@Global()
@Module({})
export class CacheModule implements OnApplicationShutdown {
  constructor(private readonly cache: AsideCache) {}

  /** @param name the service's name, which all its keys begin with */
  static register(name: string): DynamicModule {
    const store: DynamicModule = {
      module: CacheStoreModule,
      providers: [
        {
          provide: STORE,
          useFactory: (config: CacheConfig, logger: Logger) => openStore(config, name, logger),
          inject: [CacheConfig, Logger],
        },
      ],
      exports: [STORE],
    };
    const nest = NestCacheModule.registerAsync({
      useFactory: ({ keyv }: OpenedStore, { ttl }: CacheConfig) => ({ stores: [keyv], ttl }),
      inject: [STORE, CacheConfig],
    });
    return {
      module: CacheModule,
      imports: [DiscoveryModule, store, nest],
      providers: [
        CachedHandlers,
        {
          provide: AsideCache,
          useFactory: (
            { store: opened }: OpenedStore,
            config: CacheConfig,
            metrics: Metrics,
            logger: Logger,
            dependencies: DependencyRegistry,
          ) => {
            const cache = new AsideCache(opened, config, name, metrics, logger);
            dependencies.register(cache.dependency);
            return cache;
          },
          inject: [STORE, CacheConfig, Metrics, Logger, DependencyRegistry],
        },
      ],
      exports: [AsideCache, nest],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.cache.close();
  }
}
