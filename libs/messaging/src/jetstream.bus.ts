import { randomUUID } from 'node:crypto';
import { callContext, orAborted } from '@rookery/context';
import { Unavailable } from '@rookery/errors';
import type { DependencyState, Logger } from '@rookery/observability';
import { type MsgHdrs, type NatsConnection, headers as natsHeaders } from '@nats-io/transport-node';
import type { Delivery, PublishedEvent } from './event.js';
import { type ConsumerState, EventBus, type EventSubscription } from './event-bus.js';
import { deadLetterForm } from './dead-letter.js';
import type { ConsumerTimes } from './consumer-source.js';
import { JetStreamGroup } from './jetstream.group.js';
import { JetStreamPublisher } from './jetstream.publisher.js';
import { deadLetterSubject } from './jetstream-names.js';
import { JetStreamTopology, TopologyMismatch } from './jetstream-topology.js';
import { NatsClient } from './nats-client.js';
import type { DeliveryPolicy, Settlement } from './settlement.js';

/** How long a publisher waits for JetStream to say that it stored the event. */
const PUBLISH_TIMEOUT = 5_000;

/** What the JetStream driver takes from the configuration; durations in milliseconds. */
export interface JetStreamOptions extends DeliveryPolicy, ConsumerTimes {
  readonly replicas: number;
}

/** The bus of services that live apart. `publish` resolves when JetStream has stored the event. */
export class JetStreamBus extends EventBus {
  /** Enough to keep NATS and its disk busy while acknowledgements are on their way. */
  readonly window = 1024;
  readonly client: NatsClient;
  private readonly topology: JetStreamTopology;
  private readonly groups = new Map<string, JetStreamGroup>();
  private publisher: JetStreamPublisher | undefined;

  constructor(
    url: string,
    service: string,
    private readonly options: JetStreamOptions,
    private readonly logger: Logger,
  ) {
    super();
    this.client = new NatsClient(url, service, logger);
    this.topology = new JetStreamTopology(options);
    // Whether they are stored is not known. They are published again, and JetStream knows their ids.
    this.client.onLost((error) => this.publisher?.fail(error));
  }

  publish({ id, type, headers, payload }: PublishedEvent): Promise<void> {
    const stored = this.store(type, payload, { id, headers: toHeaders(headers) }, (live) =>
      this.topology.stream(live, type),
    );
    return orAborted(stored, callContext()?.signal);
  }

  subscribe(subscription: EventSubscription): () => Promise<void> {
    const group = this.groups.get(subscription.group) ?? this.newGroup(subscription.group);
    this.groups.set(subscription.group, group);
    return group.subscribe(subscription);
  }

  override get connected(): boolean {
    return this.client.state().up;
  }

  override onConnected(listener: () => void): () => void {
    return this.client.onConnected(listener);
  }

  state(): DependencyState {
    const state = this.client.state();
    const refused = this.consumers().filter(({ trouble }) => trouble !== undefined);
    if (!state.up || refused.length === 0) return state;
    return { up: false, detail: refused.map(({ type, trouble }) => `${type} is not consumed: ${trouble}`).join('; ') };
  }

  override consumers(): readonly ConsumerState[] {
    const { up, detail } = this.client.state();
    const all = [...this.groups.values()].flatMap((group) => group.consumers());
    return up ? all : all.map((consumer) => ({ ...consumer, trouble: detail }));
  }

  close(): Promise<void> {
    return this.client.close();
  }

  private newGroup(name: string): JetStreamGroup {
    const bury = this.bury.bind(this);
    return new JetStreamGroup(name, this.client, this.topology, this.options, bury, this.logger);
  }

  /** Under another subject. */
  private async bury(group: string, delivery: Delivery, dead: Settlement & { kind: 'dead' }): Promise<void> {
    const { event, attempt } = delivery;
    const room = this.client.current().nats.info?.max_payload ?? Infinity;
    const { headers, payload } = deadLetterForm(group, delivery, dead, room);
    // No deduplication: an event that is replayed and fails again is a dead letter again.
    const id = randomUUID();
    await this.store(deadLetterSubject(group, event.type), payload, { id, headers: toHeaders(headers) }, (live) =>
      this.topology.deadLetters(live),
    );
    const { id: dying, type } = event;
    this.logger.error({ event: dying, type, group, attempts: attempt, reason: dead.reason }, 'dead letter');
  }

  private publisherOn(nats: NatsConnection): JetStreamPublisher {
    if (this.publisher?.nats !== nats || !this.publisher.usable) {
      this.publisher = new JetStreamPublisher(nats, PUBLISH_TIMEOUT);
    }
    return this.publisher;
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
      await this.publisherOn(live.nats).publish(subject, payload, id, headers);
    } catch (error) {
      this.topology.forget(subject);
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
