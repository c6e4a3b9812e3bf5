import { EnvDuration, EnvInteger, EnvUrl } from '@rookery/config';

/** The cache: where it is and how long it is trusted. */
export class CacheConfig {
  @EnvUrl({
    name: 'REDIS_URL',
    description: 'The cache that the replicas of a service share.',
    protocols: ['redis', 'rediss'],
    optional: true,
    requiredInProduction: true,
    unset: 'in memory',
  })
  readonly url?: string;

  @EnvDuration({
    name: 'CACHE_TTL',
    description: 'How long an entry is kept when its handler does not say.',
    default: '5m',
    min: '1s',
  })
  readonly ttl!: number;

  @EnvDuration({
    name: 'CACHE_NEGATIVE_TTL',
    description: 'How long it is remembered that something does not exist.',
    default: '30s',
  })
  readonly negativeTtl!: number;

  @EnvDuration({
    name: 'CACHE_TIMEOUT',
    description: 'How long a call waits for the cache before it goes to the database.',
    default: '100ms',
    // Its watch ticks eight times, and timers by the millisecond.
    min: '10ms',
    max: '10s',
  })
  readonly timeout!: number;

  @EnvInteger({
    name: 'CACHE_MEMORY_MAX',
    description: 'Entries of the cache in memory, at most; the least recently used goes first.',
    default: 10_000,
    min: 1,
    max: 10_000_000,
  })
  readonly memoryMax!: number;

  @EnvInteger({
    name: 'CACHE_MEMORY_MAX_BYTES',
    description: 'Bytes of the cache in memory, at most, keys included.',
    default: 64 * 1024 * 1024,
    min: 1024,
    max: 64 * 1024 * 1024 * 1024,
  })
  readonly memoryMaxBytes!: number;

  @EnvDuration({
    name: 'CACHE_LEASE',
    description: 'How long the other replicas wait for the one that loads, before they load themselves.',
    default: '3s',
    min: '10ms',
    max: '5m',
  })
  readonly lease!: number;

  @EnvInteger({
    name: 'CACHE_MAX_LOADS',
    description: 'Loads at once in this process while the cache does not answer; the others wait for their turn.',
    default: 20,
    min: 1,
    max: 100_000,
  })
  readonly maxLoads!: number;
}
