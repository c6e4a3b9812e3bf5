import { SetMetadata, UseInterceptors, applyDecorators } from '@nestjs/common';
import { CacheAsideInterceptor } from './cache-aside.interceptor.js';
import { CACHE_ASIDE, CACHE_EVICT, type CacheAsideOptions, type CacheEvictOptions } from './cache-aside.metadata.js';

/**
 * Answers a unary handler's calls from the cache: one load per key however many callers wait, the encoded reply is
 * stored, "not found" is remembered for a short time. A cache that is down is a cache that misses.
 *
 * It needs `cache: true` in the service's declaration.
 */
export function CacheAside<Request>(options: CacheAsideOptions<Request>): MethodDecorator {
  return applyDecorators(SetMetadata(CACHE_ASIDE, options), UseInterceptors(CacheAsideInterceptor));
}

/** Invalidates tags once the handler has ended, which is after its transaction's commit. */
export function CacheEvict<Request>(options: CacheEvictOptions<Request>): MethodDecorator {
  return applyDecorators(SetMetadata(CACHE_EVICT, options), UseInterceptors(CacheAsideInterceptor));
}
