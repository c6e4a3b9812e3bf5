/** How the replies of a handler are cached. The functions get the decoded request, before its validation. */
export interface CacheAsideOptions<Request> {
  /** What tells one reply from another: `user:${id}`. */
  key: (request: Request) => string;
  /** How long a reply is fresh: `'5m'` or milliseconds. Default: CACHE_TTL. */
  ttl?: string | number;
  /** How long it may be served after that while it is loaded again in the background. Default: not at all. */
  staleFor?: string | number;
  /** What the reply is about: invalidating any of them drops the entry. */
  tags?: (request: Request) => string[];
}

/** What a handler that changes something makes stale. */
export interface CacheEvictOptions<Request> {
  tags: (request: Request) => string[];
}

export const CACHE_ASIDE = 'rookery:cache-aside';
export const CACHE_EVICT = 'rookery:cache-evict';
