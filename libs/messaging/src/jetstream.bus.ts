import { randomUUID } from 'node:crypto';
import { callContext } from '@rookery/context';
import { Unavailable } from '@rookery/errors';
import type { DependencyState, Logger } from '@rookery/observability';
import { jetstream } from '@nats-io/jetstream';
import { type MsgHdrs, headers as natsHeaders } from '@nats-io/transport-node';
import type { Delivery, PublishedEvent } from './event.js';
import { EventBus, type EventSubscription } from './event-bus.js';
import { encodeHeader } from './header-value.js';
import { JetStreamConsumer, type JetStreamOptions } from './jetstream.consumer.js';
import { deadLetterSubject } from './jetstream-names.js';
import { JetStreamTopology, TopologyMismatch } from './jetstream-topology.js';
import { NatsClient } from './nats-client.js';
import { orAborted } from './or-aborted.js';

/** How long a publisher waits for JetStream to say that it stored the event. */
const PUBLISH_TIMEOUT = 5_000;
/** An error text longer than this is cut in the header of a dead letter. */
const REASON_LENGTH = 1_000;

/** The bus of services that live apart. `publish` resolves when JetStream has stored the event. */
export class JetStreamBus extends EventBus {
  readonly ordering = 'total';
  private readonly client: NatsClient;
  private readonly topology: JetStreamTopology;

  constructor(
    url: string,
    service: string,
    private readonly options: JetStreamOptions,
    private readonly logger: Logger,
  ) {
    super();
    this.client = new NatsClient(url, service, logger);
    this.topology = new JetStreamTopology(options);
  }

  publish({ id, type, headers, payload }: PublishedEvent): Promise<void> {
    const stored = this.store(type, payload, { id, headers: toHeaders(headers) }, (live) =>
      this.topology.stream(live, type),
    );
    return orAborted(stored, callContext()?.signal);
  }

  subscribe(subscription: EventSubscription): () => Promise<void> {
    const bury = (delivery: Delivery, reason: string) => this.bury(subscription, delivery, reason);
    const consumer = new JetStreamConsumer(subscription, this.client, this.topology, this.options, bury, this.logger);
    return () => consumer.stop();
  }

  state(): DependencyState {
    return this.client.state();
  }

  close(): Promise<void> {
    return this.client.close();
  }

  /** The event as it came, under another subject, with what went wrong in `dead-*` headers. */
  private async bury({ group, type }: EventSubscription, { event, attempt }: Delivery, reason: string): Promise<void> {
    const headers = toHeaders(event.headers);
    headers.set('dead-service', encodeHeader(group));
    headers.set('dead-reason', encodeHeader(reason.slice(0, REASON_LENGTH)));
    headers.set('dead-attempts', String(attempt));
    headers.set('dead-time', new Date().toISOString());
    // No deduplication: an event that is replayed and fails again is a dead letter again.
    const id = randomUUID();
    await this.store(deadLetterSubject(group, type), event.payload, { id, headers }, (live) =>
      this.topology.deadLetters(live),
    );
    this.logger.error({ event: event.id, type, group, attempts: attempt, reason }, 'dead letter');
  }

  private async store(
    subject: string,
    payload: Uint8Array,
    { id, headers }: { id: string; headers: MsgHdrs },
    ensure: (live: ReturnType<NatsClient['current']>) => Promise<void>,
  ): Promise<void> {
    const live = this.client.current();
    try {
      await ensure(live);
      await jetstream(live.nats).publish(subject, payload, { msgID: id, headers, timeout: PUBLISH_TIMEOUT });
    } catch (error) {
      this.topology.forget();
      if (error instanceof TopologyMismatch) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new Unavailable(`JetStream did not take the event: ${reason}`, { cause: error });
    }
  }
}

function toHeaders(headers: Readonly<Record<string, string>>): MsgHdrs {
  const result = natsHeaders();
  for (const [name, value] of Object.entries(headers)) result.set(name, value);
  return result;
}
