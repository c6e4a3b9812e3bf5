import type { Metrics } from '@rookery/observability';

/** From a millisecond to ten seconds, in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** How one delivery ended. */
export type DeliveryOutcome = 'handled' | 'duplicate' | 'retry' | 'dead';

/** What Prometheus learns of messaging. */
export class MessagingMetrics {
  readonly published;
  private readonly handling;
  private readonly pending;
  private readonly oldest;

  constructor(metrics: Metrics) {
    this.published = metrics.counter('outbox_published_total', 'Events that left the outbox.');
    this.pending = metrics.gauge(
      'outbox_pending',
      'Events in the outbox, counted to 10,000. Only the replica that publishes says so.',
    );
    this.oldest = metrics.gauge('outbox_oldest_seconds', 'Age of the oldest event in the outbox.');
    this.handling = metrics.histogram(
      'event_handling_seconds',
      'Time from the delivery of an event to its outcome: handled, duplicate, retry or dead.',
      ['type', 'outcome'],
      BUCKETS,
    );
  }

  /** @param state of the outbox; undefined when another replica is the one to say */
  backlog(state: { pending: number; oldest: number } | undefined): void {
    this.pending.set(state?.pending ?? 0);
    this.oldest.set(state?.oldest ?? 0);
  }

  /** @param duration milliseconds */
  delivered(type: string, outcome: DeliveryOutcome, duration: number): void {
    this.handling.observe({ type, outcome }, duration / 1000);
  }
}
