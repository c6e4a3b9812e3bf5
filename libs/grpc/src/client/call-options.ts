import type { Metadata } from '@grpc/grpc-js';
import { durationToMs } from '@rookery/config';
import type { CallMetadata } from './call-metadata.js';

/** `'500ms'`, `'5m'`, or milliseconds. `Infinity` stands for no limit. */
export type Duration = string | number;

/** What one call may set. */
export interface CallOptions {
  /**
   * How long the call may take, its retries included. Default: the method's. The deadline of the call being served
   * bounds it in any case.
   */
  timeout?: Duration;
  /** Cancels the call, as does the signal of the call being served. */
  signal?: AbortSignal;
  /** Sent with the call. @see CallMetadata */
  metadata?: CallMetadata;
  /** Gets the metadata that comes before the first reply. */
  onHeader?: (metadata: Metadata) => void;
  /** Gets the metadata that comes with the status. */
  onTrailer?: (metadata: Metadata) => void;
}

/** Milliseconds. @throws {TypeError} naming `what`, when it is no duration */
export function milliseconds(duration: Duration, what: string): number {
  const value = durationToMs(duration);
  if (Number.isNaN(value)) throw new TypeError(`${what} takes a duration such as '500ms' or 5000; got ${duration}`);
  return value;
}
