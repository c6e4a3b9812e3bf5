import { SetMetadata } from '@nestjs/common';

/** How the replies of a handler are cached. The functions get the decoded request, before its validation. */
export interface CacheAsideOptions<Request> {
  /** What tells one reply from another: `user:${id}`. */
  key: (request: Request) => string;
  /** `'5m'` or milliseconds. Default: CACHE_TTL. */
  ttl?: string | number;
  /** What the reply is about: invalidating any of them drops the entry. */
  tags?: (request: Request) => string[];
}

/** What a handler that changes something makes stale. */
export interface CacheEvictOptions<Request> {
  tags: (request: Request) => string[];
}

export const CACHE_ASIDE = 'rookery:cache-aside';
export const CACHE_EVICT = 'rookery:cache-evict';

/**
 * Answers a unary handler's calls from the cache: one load per key however many callers wait, the encoded reply is
 * stored, "not found" is remembered for a short time. A cache that is down is a cache that misses.
 */
export function CacheAside<Request>(options: CacheAsideOptions<Request>): MethodDecorator {
  return SetMetadata(CACHE_ASIDE, options);
}

/** Invalidates tags once the handler has ended, which is after its transaction's commit. */
export function CacheEvict<Request>(options: CacheEvictOptions<Request>): MethodDecorator {
  return SetMetadata(CACHE_EVICT, options);
}
