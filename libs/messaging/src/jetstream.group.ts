import { setTimeout as sleep } from 'node:timers/promises';
import { NotFound } from '@rookery/errors';
import type { Logger } from '@rookery/observability';
import { ConcurrencyGate } from '@rookery/resilience';
import type { Delivery, PublishedEvent } from './event.js';
import type { ConsumerState, EventSubscription } from './event-bus.js';
import { FailureCounts } from './failure-counts.js';
import type { ConsumerSource, ConsumerTimes } from './consumer-source.js';
import { JetStreamConsumer } from './jetstream.consumer.js';
import {
  REPLAY_STREAM,
  consumerName,
  isOrderedConsumer,
  orderedConsumerName,
  replayConsumerName,
  replayPrefix,
  streamOf,
} from './jetstream-names.js';
import type { JetStreamTopology } from './jetstream-topology.js';
import { KeyLanes } from './key-lanes.js';
import type { Leases } from './leases.js';
import type { LiveConnection, NatsClient } from './nats-client.js';
import { descriptionOf, settledEvents } from './settled-events.js';
import { DONE, type DeliveryPolicy, type Settlement, settleFailure } from './settlement.js';

type Dead = Settlement & { kind: 'dead' };

/** Events that ordered handlers hold back behind failing ones, at most; with that many the consumer waits. */
const HELD_BACK = 1_000;
/** Events of ordered handlers that are asked for together. */
const ORDERED_PREFETCH = 64;
/** Replays are few, and what they need was a person's attention. */
const REPLAYS_AT_ONCE = 4;

/** The ordered handlers of one stream. */
interface Ordered {
  /** Every type that this replica ever handled in order. */
  readonly types: Set<string>;
  readonly consumer: JetStreamConsumer;
}

/**
 * The subscriptions of one group (a service) on JetStream, and the durable consumers behind them: one for each type;
 * one for all ordered handlers of a stream, because order over several types needs one queue; one for replays.
 */
export class JetStreamGroup {
  private readonly subscriptions = new Map<string, EventSubscription>();
  private readonly alone = new Map<string, JetStreamConsumer>();
  private readonly ordered = new Map<string, Ordered>();
  private replays: JetStreamConsumer | undefined;
  private leftReported = false;
  /** Of replays that found no handler. */
  private readonly unhandled = new FailureCounts();

  constructor(
    private readonly name: string,
    private readonly client: NatsClient,
    private readonly topology: JetStreamTopology,
    private readonly options: ConsumerTimes & DeliveryPolicy,
    private readonly bury: (group: string, delivery: Delivery, dead: Dead) => Promise<void>,
    private readonly logger: Logger,
  ) {}

  /** @returns what ends it; consumers that several subscriptions share end with the last of them */
  subscribe(subscription: EventSubscription): () => Promise<void> {
    const { type, ordered } = subscription;
    this.subscriptions.set(type, subscription);
    if (ordered) this.subscribeOrdered(type, ordered);
    else this.alone.set(type, this.open(this.unorderedSource(subscription)));
    this.replays ??= this.open(this.replaySource());
    return async () => {
      this.subscriptions.delete(type);
      const stopping = [this.alone.get(type), ordered ? this.unneeded(streamOf(type).name) : undefined];
      this.alone.delete(type);
      if (this.subscriptions.size === 0) {
        stopping.push(this.replays);
        this.replays = undefined;
      }
      await Promise.all(stopping.map((consumer) => consumer?.stop()));
    };
  }

  /** Its consumers, as they are now. */
  consumers(): ConsumerState[] {
    const ordered = [...this.ordered.values()].map(({ consumer }) => consumer);
    const all = [...this.alone.values(), ...ordered, ...(this.replays ? [this.replays] : [])];
    return all.map((consumer) => consumer.state());
  }

  private subscribeOrdered(type: string, leases: Leases): void {
    const { name: stream } = streamOf(type);
    const known = this.ordered.get(stream);
    if (known) {
      known.types.add(type);
      known.consumer.restart();
      return;
    }
    const types = new Set([type]);
    this.ordered.set(stream, { types, consumer: this.open(this.orderedSource(type, types, leases)) });
  }

  /** The ordered consumer of a stream, which nobody subscribes to any more. */
  private unneeded(stream: string): JetStreamConsumer | undefined {
    const needed = [...this.subscriptions.values()].some(
      ({ type, ordered }) => ordered && streamOf(type).name === stream,
    );
    const consumer = needed ? undefined : this.ordered.get(stream)?.consumer;
    if (consumer) this.ordered.delete(stream);
    return consumer;
  }

  private open(source: ConsumerSource): JetStreamConsumer {
    return new JetStreamConsumer(source, this.client, this.options, () => this.topology.forget(), this.logger);
  }

  private unorderedSource(subscription: EventSubscription): ConsumerSource {
    const { type, concurrency } = subscription;
    return {
      title: type,
      capacity: concurrency,
      prefetch: concurrency,
      prepare: async (live) => {
        await this.topology.stream(live, type);
        const name = consumerName(this.name, type);
        return this.topology.consumer(live, { stream: streamOf(type).name, name, filter: type });
      },
      typeOf: (subject) => subject,
      handle: (delivery) => this.attempt(subscription, delivery),
      bury: (delivery, dead) => this.giveUp(subscription, delivery, dead),
    };
  }

  /**
   * Keeps the order of each key. One replica at a time consumes; it begins right behind what is settled, gets every
   * delivery in the order of the stream (a gap makes it start over), and handles those of a key in turn, trying a failed
   * one again in its place. Should two replicas believe for a while that they are the one, each still goes through every
   * key in order, and the inbox has the slower one wait for the other's commit and go on: no effect happens out of order.
   * So do a version and the one before, whose handlers are others and which consumes beside it.
   */
  private orderedSource(anyType: string, types: ReadonlySet<string>, leases: Leases): ConsumerSource {
    const { name: stream, subjects } = streamOf(anyType);
    const name = () => orderedConsumerName(this.name, stream, types);
    let settled: ReadonlyMap<string, number> = new Map();
    const lanes = new KeyLanes();
    const gates = new Map<string, ConcurrencyGate>();
    const gateOf = ({ type, concurrency }: EventSubscription) => {
      const gate = gates.get(type) ?? new ConcurrencyGate(concurrency);
      gates.set(type, gate);
      return gate;
    };
    return {
      title: subjects[0]!,
      capacity: HELD_BACK,
      prefetch: ORDERED_PREFETCH,
      hold: (signal) => leases.hold(name(), signal),
      prepare: async (live) => {
        await this.topology.stream(live, anyType);
        settled = await settledEvents(live, this.name, stream);
        const after = Math.min(...[...types].map((type) => settled.get(type) ?? 0));
        const ordered = { description: descriptionOf(types), after };
        return this.topology.consumer(live, { stream, name: name(), filter: subjects[0]!, ordered });
      },
      typeOf: (subject) => subject,
      handle: async (delivery, tenure) => {
        const { type } = delivery.event;
        const before = (settled.get(type) ?? 0) >= (delivery.place?.sequence ?? Infinity);
        // Nobody's in this consumer: versions that have a handler of it consume another one.
        if (before || !types.has(type)) return DONE;
        const subscription = this.subscriptions.get(type);
        // Stopped just now. It is for whoever comes next.
        if (!subscription) return undefined;
        const gate = gateOf(subscription);
        return lanes.run(delivery.event.key, () => this.untilSettled(subscription, gate, delivery, tenure));
      },
      // It has done so itself, in the turn of the key.
      bury: async () => undefined,
    };
  }

  private async untilSettled(
    subscription: EventSubscription,
    gate: ConcurrencyGate,
    delivery: Delivery,
    tenure: AbortSignal,
  ): Promise<Settlement | undefined> {
    for (let { attempt } = delivery; !tenure.aborted; attempt++) {
      const again = { ...delivery, attempt, fresh: false };
      const settlement = await gate.run(async () => (tenure.aborted ? undefined : this.attempt(subscription, again)));
      let delay = settlement?.kind === 'retry' ? settlement.delay : 0;
      if (settlement?.kind === 'dead') {
        try {
          // Stored before its key goes on, or it could come again behind what follows.
          await this.giveUp(subscription, again, settlement);
          return DONE;
        } catch {
          delay = this.options.backoffLongest;
        }
      } else if (settlement?.kind !== 'retry') return settlement;
      await sleep(delay, undefined, { signal: tenure }).catch(() => undefined);
    }
    return undefined;
  }

  private replaySource(): ConsumerSource {
    const prefix = replayPrefix(this.name);
    return {
      title: `${prefix}>`,
      capacity: REPLAYS_AT_ONCE,
      prefetch: REPLAYS_AT_ONCE,
      prepare: async (live) => {
        await this.topology.replays(live);
        await this.reportLeft(live);
        const name = replayConsumerName(this.name);
        return this.topology.consumer(live, { stream: REPLAY_STREAM, name, filter: `${prefix}>` });
      },
      typeOf: (subject) => subject.slice(prefix.length),
      handle: async (delivery) => {
        const subscription = this.subscriptions.get(delivery.event.type);
        // Another replica may be of a version that has one.
        if (!subscription) return this.settleUnhandled(delivery.event);
        return this.attempt(subscription, { ...delivery, fresh: false, replayed: true });
      },
      bury: (delivery, dead) => this.giveUp(this.subscriptions.get(delivery.event.type), delivery, dead),
    };
  }

  /** Once: consumers that earlier versions of the service have left behind, which nobody empties. */
  private async reportLeft(live: LiveConnection): Promise<void> {
    if (this.leftReported) return;
    const names = [...this.alone.keys()].map((type) => consumerName(this.name, type));
    const found = await this.topology.left(live, this.name, new Set([...names, replayConsumerName(this.name)]));
    // Those go by themselves.
    const left = found.filter((name) => !isOrderedConsumer(name));
    this.leftReported = true;
    if (left.length === 0) return;
    const remedy = 'when no replica of an older version runs any more, "npm run events -- consumers drop" removes them';
    this.logger.warn({ consumers: left }, `durable consumers without a handler: ${remedy}`);
  }

  private async giveUp(subscription: EventSubscription | undefined, delivery: Delivery, dead: Dead): Promise<void> {
    await this.bury(this.name, delivery, dead);
    await subscription?.buried?.(delivery.event);
  }

  private settleUnhandled({ id, type }: PublishedEvent): Settlement {
    const error = new NotFound(`${this.name} has no handler of ${type}`);
    const settlement = settleFailure(error, this.unhandled.add(id), this.options);
    if (settlement.kind === 'dead') this.unhandled.forget(id);
    return settlement;
  }

  private attempt(subscription: EventSubscription, delivery: Delivery): Promise<Settlement> {
    return subscription.handle(delivery).catch((error: unknown) => settleFailure(error, delivery, this.options));
  }
}
