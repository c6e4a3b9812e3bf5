import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@rookery/observability';
import { ConcurrencyGate } from '@rookery/resilience';
import type { Delivery } from './event.js';
import type { EventSubscription } from './event-bus.js';
import { type ConsumerSource, type ConsumerTimes, JetStreamConsumer } from './jetstream.consumer.js';
import {
  REPLAY_STREAM,
  consumerName,
  orderedConsumerName,
  replayConsumerName,
  replayPrefix,
  streamOf,
} from './jetstream-names.js';
import type { JetStreamTopology } from './jetstream-topology.js';
import { KeyLanes } from './key-lanes.js';
import type { Leases } from './leases.js';
import type { LiveConnection, NatsClient } from './nats-client.js';
import { DONE, type DeliveryPolicy, type Settlement, settleFailure } from './settlement.js';

type Dead = Settlement & { kind: 'dead' };

/** Events that ordered handlers hold back behind failing ones, at most; with that many the consumer waits. */
const HELD_BACK = 1_000;
/** Events of ordered handlers that are asked for together. */
const ORDERED_PREFETCH = 64;
/** Replays are few, and what they need was a person's attention. */
const REPLAYS_AT_ONCE = 4;

/**
 * The subscriptions of one group (a service) on JetStream, and the durable consumers behind them: one for each type;
 * one for all ordered handlers of a stream, because order over several types needs one queue; one for replays.
 */
export class JetStreamGroup {
  private readonly subscriptions = new Map<string, EventSubscription>();
  private readonly ordered = new Map<string, JetStreamConsumer>();
  private replays: JetStreamConsumer | undefined;
  private leftReported = false;

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
    const alone = ordered ? undefined : this.open(this.unorderedSource(subscription));
    const { name: stream } = streamOf(type);
    if (ordered && !this.ordered.has(stream)) this.ordered.set(stream, this.open(this.orderedSource(type, ordered)));
    this.replays ??= this.open(this.replaySource());
    return async () => {
      this.subscriptions.delete(type);
      const shared = [...this.subscriptions.values()].some(
        (other) => other.ordered && streamOf(other.type).name === stream,
      );
      const stopping = [alone, ordered && !shared ? this.ordered.get(stream) : undefined];
      if (ordered && !shared) this.ordered.delete(stream);
      if (this.subscriptions.size === 0) {
        stopping.push(this.replays);
        this.replays = undefined;
      }
      await Promise.all(stopping.map((consumer) => consumer?.stop()));
    };
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
        return this.topology.consumer(live, { stream: streamOf(type).name, name, filter: type, resume: false });
      },
      typeOf: (subject) => subject,
      handle: (delivery) => this.attempt(subscription, delivery),
      bury: (delivery, dead) => this.bury(this.name, delivery, dead),
    };
  }

  /**
   * Keeps the order of each key. One replica at a time consumes; it begins right behind what is settled, gets every
   * delivery in the order of the stream (a gap makes it start over), and handles those of a key in turn, trying a failed
   * one again in its place. Should two replicas believe for a while that they are the one, each still goes through every
   * key in order, and the inbox has the slower one wait for the other's commit and go on: no effect happens out of order.
   */
  private orderedSource(anyType: string, leases: Leases): ConsumerSource {
    const { name: stream, subjects } = streamOf(anyType);
    const name = orderedConsumerName(this.name, stream);
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
      hold: (signal) => leases.hold(name, signal),
      prepare: async (live) => {
        await this.topology.stream(live, anyType);
        return this.topology.consumer(live, { stream, name, filter: subjects[0]!, resume: true });
      },
      typeOf: (subject) => subject,
      handle: async (delivery, tenure) => {
        const subscription = this.subscriptions.get(delivery.event.type);
        if (!subscription?.ordered) return DONE;
        const gate = gateOf(subscription);
        return lanes.run(delivery.event.key, () => this.untilSettled(subscription, gate, delivery, tenure));
      },
      bury: (delivery, dead) => this.bury(this.name, delivery, dead),
    };
  }

  private async untilSettled(
    subscription: EventSubscription,
    gate: ConcurrencyGate,
    { event, attempt: first }: Delivery,
    tenure: AbortSignal,
  ): Promise<Settlement | undefined> {
    for (let attempt = first; !tenure.aborted; attempt++) {
      const settlement = await gate.run(async () =>
        tenure.aborted ? undefined : this.attempt(subscription, { event, attempt }),
      );
      let delay = settlement?.kind === 'retry' ? settlement.delay : 0;
      if (settlement?.kind === 'dead') {
        try {
          // Stored before its key goes on, or it could come again behind what follows.
          await this.bury(this.name, { event, attempt }, settlement);
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
        return this.topology.consumer(live, { stream: REPLAY_STREAM, name, filter: `${prefix}>`, resume: false });
      },
      typeOf: (subject) => subject.slice(prefix.length),
      handle: async (delivery) => {
        const subscription = this.subscriptions.get(delivery.event.type);
        if (!subscription) return { kind: 'dead', reason: `${this.name} has no handler of ${delivery.event.type}` };
        // It was stored anew, and as often as somebody asked for it.
        return this.attempt(subscription, { ...delivery, fresh: false });
      },
      bury: (delivery, dead) => this.bury(this.name, delivery, dead),
    };
  }

  /** Once: consumers that earlier versions of the service have left behind, which nobody empties. */
  private async reportLeft(live: LiveConnection): Promise<void> {
    if (this.leftReported) return;
    const names = [...this.subscriptions.values()].map(({ type, ordered }) =>
      ordered ? orderedConsumerName(this.name, streamOf(type).name) : consumerName(this.name, type),
    );
    const left = await this.topology.left(live, this.name, new Set([...names, replayConsumerName(this.name)]));
    this.leftReported = true;
    if (left.length === 0) return;
    const remedy = 'when no replica of an older version runs any more, "npm run events -- consumers drop" removes them';
    this.logger.warn({ consumers: left }, `durable consumers without a handler: ${remedy}`);
  }

  private attempt(subscription: EventSubscription, delivery: Delivery): Promise<Settlement> {
    return subscription
      .handle(delivery)
      .catch((error: unknown) => settleFailure(error, delivery.attempt, this.options));
  }
}
