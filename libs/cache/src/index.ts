export { CacheAside, CacheEvict, type CacheAsideOptions, type CacheEvictOptions } from './cache-aside.decorator.js';
export { CacheConfig } from './cache.config.js';
export { CacheModule } from './cache.module.js';
export { AsideCache } from './aside-cache.js';
