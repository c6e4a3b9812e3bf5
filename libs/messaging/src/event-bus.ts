import type { DependencyState } from '@rookery/observability';
import type { Delivery, PublishedEvent } from './event.js';
import type { Leases } from './leases.js';
import type { Settlement } from './settlement.js';

/** What a replica consumes. */
export interface ConsumerState {
  /** The events' type, or of which types: `order.v1.>`. */
  readonly type: string;
  /** Events that wait for their handlers or are with them; undefined when this replica cannot tell. */
  readonly pending?: number;
  /** Why events are not consumed. */
  readonly trouble?: string;
}

/** Who wants the events of one type. */
export interface EventSubscription {
  /** The service's name: of all subscriptions of one group, one gets the event. Each group gets each event. */
  readonly group: string;
  /** The events' type, `order.v1.OrderCreated`. */
  readonly type: string;
  /** Deliveries that this member handles at once, at most. */
  readonly concurrency: number;
  /**
   * Set when the events of each key have to be handled in their order, over all ordered subscriptions of the group to
   * types of one package. It says which of the members does so: one at a time.
   */
  readonly ordered?: Leases;
  /** Decides what becomes of the delivery; the bus carries it out. Rejecting counts as a failure to be retried. */
  handle(delivery: Delivery): Promise<Settlement>;
  /** Told when the event is stored among the dead letters: from now on it is handled only when it is replayed. */
  buried?(event: PublishedEvent): Promise<void>;
  /** Told when the event is given up and nothing keeps it: should somebody publish it again, it begins anew. */
  dropped?(event: PublishedEvent): void;
}

/**
 * Carries events between services, at least once. There are two drivers, one inside the process and one on NATS
 * JetStream; `event-bus.contract.ts` says what both promise. Business code adds events to the `Outbox` instead of
 * publishing here: what is published here is lost when the process dies before it returns.
 */
export abstract class EventBus {
  /** How many events the relay has under way at once, at most; one of each key. */
  abstract readonly window: number;

  /**
   * Resolves when the event is safe: stored by NATS, or handled (or given up) by every group.
   * @param signal aborts the waiting, as far as that is possible; the event counts as not published. In a call, the end
   * of the call does so at once
   * @throws {Unavailable} when the event cannot be published now; publish it again later. What the call ended with,
   * when that came first: whether the event was published is then not known
   */
  abstract publish(event: PublishedEvent, signal?: AbortSignal): Promise<void>;

  /**
   * Has `subscription` handle events from now on, and those that wait for its group. Returns at once, even when NATS
   * is down. @returns what ends it: no new deliveries, and resolves when the running ones are settled
   */
  abstract subscribe(subscription: EventSubscription): () => Promise<void>;

  /** Whether this replica is connected to what carries the events: while it is not, another one had better publish. */
  get connected(): boolean {
    return true;
  }

  /** Calls `listener` after each (re)connection. @returns what ends it */
  onConnected(_listener: () => void): () => void {
    return () => undefined;
  }

  /** What readiness says of the bus. */
  abstract state(): DependencyState;

  /** The consumers of this replica, where the driver has any. */
  consumers(): readonly ConsumerState[] {
    return [];
  }

  /** Lets go of the connection. After the subscriptions are stopped. */
  abstract close(): Promise<void>;
}
