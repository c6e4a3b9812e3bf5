import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@rookery/observability';
import { type Consumer, type ConsumerMessages, type JsMsg, jetstream } from '@nats-io/jetstream';
import { type Delivery, eventFromWire } from './event.js';
import type { EventSubscription } from './event-bus.js';
import type { JetStreamTopology } from './jetstream-topology.js';
import type { NatsClient } from './nats-client.js';
import { type DeliveryPolicy, type Settlement, settleFailure } from './settlement.js';
import { within } from './within.js';

/** What the JetStream driver takes from the configuration; durations in milliseconds. */
export interface JetStreamOptions extends DeliveryPolicy {
  readonly replicas: number;
  readonly ackWait: number;
  readonly concurrency: number;
  readonly drainTimeout: number;
}

/** How long one request for events stays open on the server. */
const PULL_EXPIRES = 30_000;
/** Between two attempts to get at the consumer. */
const RETRY = { first: 100, longest: 5_000 };

/**
 * One subscription on JetStream. It asks for as many events as it has hands free, so that none waits here while another
 * replica could handle it, and tells the server of long handlers that they are still at work. Whatever breaks (the
 * connection, the consumer deleted, a server with an empty store), it starts over until it is stopped.
 */
export class JetStreamConsumer {
  private readonly stopping = new AbortController();
  private readonly running = new Set<Promise<void>>();
  private readonly loop: Promise<void>;
  private pulled: ConsumerMessages | undefined;
  private freed: () => void = () => {};

  constructor(
    private readonly subscription: EventSubscription,
    private readonly client: NatsClient,
    private readonly topology: JetStreamTopology,
    private readonly options: JetStreamOptions,
    /** Stores what is given up. Rejecting means that it is not stored yet. */
    private readonly bury: (delivery: Delivery, reason: string) => Promise<void>,
    private readonly logger: Logger,
  ) {
    this.loop = this.run();
  }

  /** No new deliveries; resolves when the running ones are settled, or after the drain timeout. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.pulled?.stop();
    this.freed();
    await this.loop;
    await within(Promise.all(this.running), this.options.drainTimeout);
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    const { group, type } = this.subscription;
    let reported: string | undefined;
    let wait = RETRY.first;
    while (!signal.aborted) {
      try {
        const live = await this.client.whenConnected(signal);
        const info = await this.topology.consumer(live, group, type);
        if (reported !== undefined) this.logger.info({ type }, 'events are being consumed again');
        reported = undefined;
        wait = RETRY.first;
        await this.consume(jetstream(live.nats).consumers.getConsumerFromInfo(info));
      } catch (error) {
        if (signal.aborted) return;
        this.topology.forget();
        const reason = error instanceof Error ? error.message : String(error);
        // One line for each change of the reason, not one for each attempt.
        if (reason !== reported) this.logger.error({ type, reason }, 'events cannot be consumed; trying for ever');
        reported = reason;
        await sleep(wait, undefined, { signal }).catch(() => {});
        wait = Math.min(wait * 2, RETRY.longest);
      }
    }
  }

  /**
   * Ends when the subscription is stopped or the connection was replaced (the client's own resumption can take half a
   * minute when JetStream is slower to come back than its server), and by throwing when the server refuses.
   */
  private async consume(consumer: Consumer): Promise<void> {
    const { signal } = this.stopping;
    let replaced = false;
    const unlisten = this.client.onConnected(() => {
      replaced = true;
      this.pulled?.stop();
      this.freed();
    });
    try {
      while (!signal.aborted && !replaced) {
        const free = this.options.concurrency - this.running.size;
        if (free > 0) await this.pull(consumer, free);
        else await new Promise<void>((resolve) => (this.freed = resolve));
      }
    } finally {
      unlisten();
    }
  }

  private async pull(consumer: Consumer, count: number): Promise<void> {
    const { signal } = this.stopping;
    this.pulled = await consumer.fetch({ max_messages: count, expires: PULL_EXPIRES });
    if (signal.aborted) this.pulled.stop();
    for await (const message of this.pulled) {
      // Somebody else may have it at once; left alone it would wait for the ack timeout.
      if (signal.aborted) message.nak();
      else this.start(message);
    }
  }

  private start(message: JsMsg): void {
    const work = this.handle(message).finally(() => {
      this.running.delete(work);
      this.freed();
    });
    this.running.add(work);
  }

  /** Never rejects: what cannot be settled now is delivered again after the ack timeout. */
  private async handle(message: JsMsg): Promise<void> {
    const heartbeat = setInterval(() => message.working(), this.options.ackWait / 3);
    const delivery = deliveryOf(message);
    try {
      const settlement = await this.subscription
        .handle(delivery)
        .catch((error: unknown) => settleFailure(error, delivery.attempt, this.options));
      await this.settle(message, delivery, settlement);
    } catch (error) {
      this.logger.warn(
        { error, event: delivery.event.id },
        'an event could not be settled; it will be delivered again',
      );
    } finally {
      clearInterval(heartbeat);
    }
  }

  private async settle(message: JsMsg, delivery: Delivery, settlement: Settlement): Promise<void> {
    if (settlement.kind === 'done') return message.ack();
    if (settlement.kind === 'retry') return message.nak(settlement.delay);
    try {
      await this.bury(delivery, settlement.reason);
    } catch (error) {
      message.nak(this.options.backoffLongest);
      throw error;
    }
    message.term();
  }
}

/** What NATS itself reads (`Nats-Msg-Id`, `Nats-Expected-*`) is about one message, not about the event. */
const OF_NATS = /^nats-/i;

function deliveryOf(message: JsMsg): Delivery {
  const headers = [...(message.headers ?? [])]
    .filter(([name]) => !OF_NATS.test(name))
    .map(([name, values]) => [name, values.at(-1) ?? ''] as const);
  return { event: eventFromWire(message.subject, headers, message.data), attempt: message.info.deliveryCount };
}
