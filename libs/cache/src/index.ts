export { CacheAside, CacheEvict } from './cache-aside.decorator.js';
export type { CacheAsideOptions, CacheEvictOptions } from './cache-aside.metadata.js';
export { CacheConfig } from './cache.config.js';
export { CacheModule } from './cache.module.js';
export { AsideCache, type LoadOptions } from './aside-cache.js';
