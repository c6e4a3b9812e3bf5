import { SetMetadata, UseInterceptors, applyDecorators } from '@nestjs/common';
import { CacheAsideInterceptor } from './cache-aside.interceptor.js';
import { CACHE_ASIDE, CACHE_EVICT, type CacheAsideOptions, type CacheEvictOptions } from './cache-aside.metadata.js';
import { lifeOf } from './life.js';

/**
 * Answers a unary handler's calls from the cache: one load per key however many callers wait, the encoded reply is
 * stored, "not found" is remembered for a short time. A cache that is down is a cache that misses.
 *
 * It needs `cache: true` in the service's declaration. On anything but the handler of a unary RPC the start fails.
 * @throws {TypeError} for a `ttl` or `staleFor` that is no duration
 */
export function CacheAside<Request>(options: CacheAsideOptions<Request>): MethodDecorator {
  lifeOf('ttl', options.ttl);
  lifeOf('staleFor', options.staleFor);
  return applyDecorators(SetMetadata(CACHE_ASIDE, options), UseInterceptors(CacheAsideInterceptor));
}

/**
 * Invalidates tags once the handler has ended, which is after its transaction's commit. On the handler of a stream, or
 * on what is no handler, the start fails: a stream changes things while it runs, so its service has to say when.
 */
export function CacheEvict<Request>(options: CacheEvictOptions<Request>): MethodDecorator {
  return applyDecorators(SetMetadata(CACHE_EVICT, options), UseInterceptors(CacheAsideInterceptor));
}
