import type { ServiceDefinition } from '@rookery/contracts';
import type { Code } from '@rookery/errors';
import type { Duration } from './call-options.js';

/** UNAVAILABLE, RESOURCE_EXHAUSTED, … */
export type CodeName = keyof typeof Code;

/** When a failed attempt is followed by another one. All of it happens within the deadline of the call. */
export interface RetryPolicy {
  /** Attempts in all, the first one included: 2 to 5. */
  attempts?: number;
  /** The wait before the second attempt, ±20 %. */
  initialBackoff?: Duration;
  /** No wait is longer. */
  maxBackoff?: Duration;
  /** Each wait is this times the one before. */
  multiplier?: number;
  /** What is worth another attempt. */
  codes?: readonly CodeName[];
}

/** Sends the same request again before the first attempt has failed, and takes the first answer. */
export interface HedgePolicy {
  /** Attempts in all, the first one included: 2 to 5. */
  attempts?: number;
  /** The wait before each further attempt: about the method's 95th percentile. */
  delay: Duration;
  /** An attempt that fails so does not end the call; the next one starts at once. */
  codes?: readonly CodeName[];
}

/** How one method is called. */
export interface MethodOptions {
  /** Default: the client's for a unary call, none for a stream. */
  timeout?: Duration;
  /**
   * Default: `DEFAULT_RETRY` where the proto says `idempotency_level` IDEMPOTENT or NO_SIDE_EFFECTS, else none. Giving a
   * policy to another method says that its requests may arrive twice (they carry a request id, for example).
   */
  retry?: RetryPolicy | false;
  /** Instead of retries; only for methods with `idempotency_level` NO_SIDE_EFFECTS. */
  hedge?: HedgePolicy;
}

/** How the methods of a service are called. */
export interface MethodsOptions<D extends ServiceDefinition = ServiceDefinition> {
  /** For each unary call that sets none. */
  timeout?: Duration;
  /** For each method whose proto says that it may be retried; `false` turns retries off. */
  retry?: RetryPolicy | false;
  methods?: { readonly [K in keyof D['methods']]?: MethodOptions };
}

/** A service to be called, and how: `{ service: UserServiceDefinition, methods: { getUser: { timeout: '500ms' } } }`. */
export interface ClientDeclaration<D extends ServiceDefinition = ServiceDefinition> extends MethodsOptions<D> {
  service: D;
}

/**
 * Only UNAVAILABLE: the one code that says "not now, maybe elsewhere". RESOURCE_EXHAUSTED is a quota or a message that is
 * too large; trying again makes the one worse and does not help the other.
 */
export const DEFAULT_RETRY: Required<RetryPolicy> = {
  attempts: 4,
  initialBackoff: '50ms',
  maxBackoff: '1s',
  multiplier: 2,
  codes: ['UNAVAILABLE'],
};

export const DEFAULT_HEDGE: Required<Omit<HedgePolicy, 'delay'>> = { attempts: 2, codes: ['UNAVAILABLE'] };
