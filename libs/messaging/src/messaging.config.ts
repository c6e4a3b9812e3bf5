import { EnvDuration, EnvInteger, EnvUrl } from '@rookery/config';

/** NATS: where it is, and how events are delivered. */
export class MessagingConfig {
  @EnvUrl({
    name: 'NATS_URL',
    description:
      'The NATS server (with JetStream). `memory://<hub>` is a bus inside the process: services of one process that name the same hub share it.',
    protocols: ['nats', 'tls', 'memory'],
    optional: true,
    requiredInProduction: true,
    unset: 'in process',
  })
  readonly url?: string;

  @EnvInteger({
    name: 'NATS_REPLICAS',
    description: 'Servers of the NATS cluster that keep each stream this service creates.',
    default: 1,
    min: 1,
    max: 5,
  })
  readonly replicas!: number;

  @EnvInteger({
    name: 'EVENTS_CONCURRENCY',
    description: 'Events of one type that a replica handles at the same time, at most.',
    default: 16,
    min: 1,
    max: 1000,
  })
  readonly concurrency!: number;

  @EnvInteger({
    name: 'EVENTS_MAX_DELIVERIES',
    description: 'An event that failed this often becomes a dead letter.',
    default: 10,
    min: 1,
    max: 1000,
  })
  readonly maxDeliveries!: number;

  @EnvDuration({
    name: 'EVENTS_BACKOFF_FIRST',
    description: 'After its first failure an event waits this long; the wait doubles each time.',
    default: '1s',
    min: '1ms',
  })
  readonly backoffFirst!: number;

  @EnvDuration({
    name: 'EVENTS_BACKOFF_LONGEST',
    description: 'The longest wait between two deliveries of an event.',
    default: '1m',
    min: '1ms',
  })
  readonly backoffLongest!: number;

  @EnvDuration({
    name: 'EVENTS_ACK_WAIT',
    description:
      'An event whose handler says nothing for this long (its replica died) is delivered to another replica.',
    default: '30s',
    min: '1s',
  })
  readonly ackWait!: number;

  @EnvDuration({
    name: 'EVENTS_HANDLER_TIMEOUT',
    description:
      'A handler that takes longer is ended and what it did in the database undone; its event is delivered again.',
    default: '5m',
    min: '100ms',
    max: '1d',
  })
  readonly handlerTimeout!: number;

  @EnvDuration({
    name: 'EVENTS_DRAIN_TIMEOUT',
    description: 'How long a stopping service waits for the handlers that are running.',
    default: '10s',
  })
  readonly drainTimeout!: number;

  @EnvDuration({
    name: 'OUTBOX_POLL_INTERVAL',
    description:
      'How often the outbox is looked at when no commit woke the relay, and how soon a replica takes it over.',
    default: '1s',
    min: '10ms',
    max: '1m',
  })
  readonly pollInterval!: number;

  @EnvDuration({
    name: 'JOBS_TIMEOUT',
    description:
      'A recurring job that takes longer is ended, and run again once it has. A job may have a time of its own.',
    default: '5m',
    min: '100ms',
    max: '1d',
  })
  readonly jobTimeout!: number;
}
