import { Code, RookeryError } from '@rookery/errors';
import { UnreadableEvent } from './event.js';

/** What becomes of a delivery: it is done, it comes again after `delay` ms, or it is given up. */
export type Settlement =
  | { readonly kind: 'done' }
  | { readonly kind: 'retry'; readonly delay: number }
  | { readonly kind: 'dead'; readonly reason: string; readonly code?: string; readonly stack?: string };

/** How often and how soon a failed event is tried again; durations in milliseconds. */
export interface DeliveryPolicy {
  readonly maxDeliveries: number;
  readonly backoffFirst: number;
  readonly backoffLongest: number;
}

/** How often an event was tried. */
export interface Tries {
  /** This time included. The back-off goes by it. */
  readonly attempt: number;
  /** How often it failed, this time included; unset when it did each time. */
  readonly failures?: number;
}

export const DONE: Settlement = { kind: 'done' };

/** Waits vary by up to a tenth, so that events that failed together do not come back together. */
const JITTER = 0.1;

/**
 * What to do with an event whose handling failed.
 * - What nobody can read is dead at once.
 * - While something the handler needs is unavailable the event waits, however long: an outage is not its fault.
 * - Anything else is tried again with a doubling back-off, and dead after `maxDeliveries` failures.
 * @param random from 0 to 1, as Math.random
 */
export function settleFailure(
  error: unknown,
  { attempt, failures = attempt }: Tries,
  policy: DeliveryPolicy,
  random: () => number = Math.random,
): Settlement {
  if (error instanceof UnreadableEvent || (!isOutage(error) && failures >= policy.maxDeliveries)) return dead(error);
  return { kind: 'retry', delay: Math.round(backoff(attempt, policy) * (1 + JITTER * (2 * random() - 1))) };
}

/** Whether something that the handler needs is away, or the service stops: the event has not failed. */
export function isOutage(error: unknown): boolean {
  return error instanceof RookeryError && error.code === Code.UNAVAILABLE;
}

function dead(error: unknown): Settlement {
  if (!(error instanceof Error)) return { kind: 'dead', reason: String(error) };
  const code = error instanceof RookeryError ? Code[error.code] : error.name;
  return { kind: 'dead', reason: error.message, code, stack: error.stack };
}

function backoff(attempt: number, { backoffFirst, backoffLongest }: DeliveryPolicy): number {
  // 2 ** 1024 is Infinity, which min() bounds like any other.
  return Math.min(backoffFirst * 2 ** (attempt - 1), backoffLongest);
}
