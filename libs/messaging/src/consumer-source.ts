import type { ConsumerInfo } from '@nats-io/jetstream';
import type { Delivery } from './event.js';
import type { Held } from './leases.js';
import type { LiveConnection } from './nats-client.js';
import type { Settlement } from './settlement.js';

/** What a consumer consumes, and what becomes of it. */
export interface ConsumerSource {
  /** For people: what is consumed. */
  readonly title: string;
  /** Deliveries that are handled, or held until their turn, at once. */
  readonly capacity: number;
  /** How many deliveries may be on their way, and wait here when so many are handled. They are asked for together. */
  readonly prefetch: number;
  /** Of all replicas, the one that holds it consumes; nothing when they share the work. */
  hold?(signal: AbortSignal): Promise<Held>;
  /** Makes sure that the consumer is there, as it has to be. */
  prepare(live: LiveConnection): Promise<ConsumerInfo>;
  /** The type of what came on `subject`. */
  typeOf(subject: string): string;
  /** @returns undefined to leave the delivery unsettled: `tenure` is over, and it will be delivered anew */
  handle(delivery: Delivery, tenure: AbortSignal): Promise<Settlement | undefined>;
  /** Stores what is given up. Rejecting means that it is not stored yet. */
  bury(delivery: Delivery, dead: Settlement & { kind: 'dead' }): Promise<void>;
}

/** Durations in milliseconds. */
export interface ConsumerTimes {
  readonly ackWait: number;
  readonly drainTimeout: number;
  readonly backoffLongest: number;
  /** How long one request for events stays open on the server. */
  readonly pullExpires?: number;
}
