import type { Metrics } from '@rookery/observability';
import type { PublishedEvent } from './event.js';
import type { ConsumerState } from './event-bus.js';

/** From a millisecond to ten seconds, in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** From ten milliseconds to ten minutes, in seconds. */
const JOB_BUCKETS = [0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600];

/** How one delivery ended. */
export type DeliveryOutcome = 'handled' | 'duplicate' | 'retry' | 'dead';

/** What Prometheus learns of messaging. */
export class MessagingMetrics {
  readonly published;
  readonly refused;
  private readonly handling;
  private readonly age;
  private readonly pending;
  private readonly oldest;
  private readonly relay;
  private readonly jobs;

  constructor(private readonly metrics: Metrics) {
    this.published = metrics.counter('outbox_published_total', 'Events that left the outbox.');
    this.refused = metrics.counter('outbox_refused_total', 'Attempts to publish an event that the bus refused.');
    this.relay = metrics.gauge('outbox_relay', '1 in the replica that publishes the events of its service, else 0.');
    this.pending = metrics.gauge(
      'outbox_pending',
      'Events in the outbox, counted to 100,000. Only the replica that publishes says so.',
    );
    this.jobs = metrics.histogram(
      'job_run_seconds',
      'Time that runs of recurring jobs took, by outcome: done or failed.',
      ['job', 'outcome'],
      JOB_BUCKETS,
    );
    this.oldest = metrics.gauge('outbox_oldest_seconds', 'Age of the oldest event in the outbox.');
    this.age = metrics.histogram(
      'event_age_seconds',
      'Time from when an event was added to its outbox to each begin of its handling.',
      ['type'],
      [...BUCKETS, 60, 600, 3_600],
    );
    this.handling = metrics.histogram(
      'event_handling_seconds',
      'Time from the delivery of an event to its outcome: handled, duplicate, retry or dead.',
      ['type', 'outcome'],
      BUCKETS,
    );
  }

  backlog({ pending, oldest }: { pending: number; oldest: number }): void {
    this.pending.set(pending);
    this.oldest.set(oldest);
  }

  /** @param read what this replica consumes; asked whenever the metrics are, so it must not ask a server */
  watch(read: () => readonly ConsumerState[]): void {
    this.metrics.gauge(
      'event_consumer_up',
      '0 while this replica cannot consume the events of the type, else 1.',
      ['type'],
      (gauge) => {
        gauge.reset();
        for (const { type, trouble } of read()) gauge.set({ type }, trouble === undefined ? 1 : 0);
      },
    );
    this.metrics.gauge(
      'event_consumer_pending',
      'Events that wait for the handlers of the service or are with them, as replicas that consume them last saw it.',
      ['type'],
      (gauge) => {
        gauge.reset();
        for (const { type, pending } of read()) if (pending !== undefined) gauge.set({ type }, pending);
      },
    );
  }

  /** Whether this replica is the relay. When it is not, another one says what is in the outbox. */
  relaying(here: boolean): void {
    this.relay.set(here ? 1 : 0);
    if (!here) this.backlog({ pending: 0, oldest: 0 });
  }

  /** @param duration milliseconds */
  jobRan(job: string, outcome: 'done' | 'failed', duration: number): void {
    this.jobs.observe({ job, outcome }, duration / 1000);
  }

  /** A handler begins with it. */
  arrived({ type, headers }: PublishedEvent): void {
    const age = Date.now() - Date.parse(headers['ce-time'] ?? '');
    if (age >= 0) this.age.observe({ type }, age / 1000);
  }

  /** @param duration milliseconds */
  delivered(type: string, outcome: DeliveryOutcome, duration: number): void {
    this.handling.observe({ type, outcome }, duration / 1000);
  }
}
