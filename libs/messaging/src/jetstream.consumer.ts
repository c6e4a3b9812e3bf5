import { setImmediate as endOfTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@rookery/observability';
import { type Consumer, type ConsumerInfo, jetstream } from '@nats-io/jetstream';
import { type Delivery, type PublishedEvent, eventFromWire } from './event.js';
import type { ConsumerState } from './event-bus.js';
import { DUPLICATE_WINDOW } from './jetstream-topology.js';
import type { Held } from './leases.js';
import type { LiveConnection, NatsClient } from './nats-client.js';
import { PullSubscription } from './pull-subscription.js';
import type { PulledMessage } from './pulled-message.js';
import type { Settlement } from './settlement.js';
import { within } from './within.js';

/** What the loop below consumes. */
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

/** Between two attempts to get at the consumer. */
const RETRY = { first: 100, longest: 5_000 };
/** Milliseconds without a connection after which one of all replicas lets another one consume. */
const PATIENCE = 5_000;
/** How often, at least, the server is asked what waits. */
const LOOK = 10_000;

/** From the first request to a consumer to the last. */
interface Pulling {
  readonly pulls: PullSubscription;
  readonly over: AbortSignal;
}

/**
 * Consumes one durable consumer, and tells the server of deliveries that take long that they are still at work. Whatever
 * breaks (the connection, the consumer deleted, a server with an empty store), it starts over until it is stopped.
 */
export class JetStreamConsumer {
  private readonly stopping = new AbortController();
  private readonly running = new Set<Promise<void>>();
  /** What is not settled: it is being handled, or waits for that. */
  private readonly held = new Set<PulledMessage>();
  private readonly waiting: PulledMessage[] = [];
  private pulling: Pulling | undefined;
  /** What of `waiting` was begun since the last heartbeat. */
  private begun = 0;
  /** Nothing was: what waits here is for other replicas, until a handler ends. */
  private stuck = false;
  private readonly heartbeat: NodeJS.Timeout;
  private readonly loop: Promise<void>;
  /** When the consumer was made, in milliseconds of the server's clock. */
  private since = Number.POSITIVE_INFINITY;
  private restartTenure: () => void = () => {};
  private trouble: string | undefined;
  private consumer: Consumer | undefined;
  private pending: number | undefined;
  private acknowledging: Promise<void> | undefined;
  private readonly done: PulledMessage[] = [];

  constructor(
    private readonly source: ConsumerSource,
    private readonly client: NatsClient,
    private readonly times: ConsumerTimes,
    private readonly onTrouble: () => void,
    private readonly logger: Logger,
  ) {
    this.heartbeat = setInterval(() => this.beat(), Math.min(times.ackWait / 3, LOOK));
    this.loop = this.run();
  }

  /** What it does, for those who watch it. What waits is as the server said it last, up to ten seconds ago. */
  state(): ConsumerState {
    return { type: this.source.title, pending: this.pending, trouble: this.trouble };
  }

  /** Has the source prepare it again. */
  restart(): void {
    this.restartTenure();
  }

  /** No new deliveries; resolves when the running ones are settled, or after the drain timeout. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await within(
      this.loop.then(() => Promise.all(this.running)),
      this.times.drainTimeout,
    );
    clearInterval(this.heartbeat);
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    const { title } = this.source;
    let wait = RETRY.first;
    while (!signal.aborted) {
      try {
        const live = await this.client.whenConnected(signal);
        await this.tenure(live, () => {
          if (this.trouble !== undefined) this.logger.info({ type: title }, 'events are being consumed again');
          this.trouble = undefined;
          wait = RETRY.first;
        });
      } catch (error) {
        if (signal.aborted) return;
        this.onTrouble();
        const reason = error instanceof Error ? error.message : String(error);
        // One line for each change of the reason, not one for each attempt; the client says itself when it is not connected.
        if (reason !== this.trouble && this.client.state().up)
          this.logger.error({ type: title, reason }, 'events cannot be consumed; trying for ever');
        this.trouble = reason;
        await sleep(wait, undefined, { signal }).catch(() => {});
        wait = Math.min(wait * 2, RETRY.longest);
      }
    }
  }

  /**
   * Consumes until the subscription is stopped, the lease is lost, the connection was replaced (what it was asked for is
   * gone with the one before), or there was none for so long that others should have the lease. Throws when the server refuses.
   */
  private async tenure(live: LiveConnection, onConsuming: () => void): Promise<void> {
    const over = new AbortController();
    const end = () => over.abort();
    this.stopping.signal.addEventListener('abort', end);
    this.restartTenure = end;
    const unlisten = [this.client.onConnected(end)];
    let patience: NodeJS.Timeout | undefined;
    if (this.source.hold) unlisten.push(this.client.onLost(() => (patience = setTimeout(end, PATIENCE))));
    let held: Held | undefined;
    try {
      // Since this was begun.
      if (!this.client.state().up) return;
      held = await this.source.hold?.(over.signal);
      held?.lost.addEventListener('abort', end);
      if (held?.lost.aborted) return;
      const info = await this.source.prepare(live);
      if (over.signal.aborted) return;
      onConsuming();
      const next = held ? info.delivered.consumer_seq + 1 : undefined;
      this.since = Date.parse(info.created);
      this.consumer = jetstream(live.nats).consumers.getConsumerFromInfo(info);
      this.pending = pendingOf(info);
      await this.consume(live, info, over.signal, next);
    } catch (error) {
      if (!over.signal.aborted) throw error;
    } finally {
      this.consumer = this.pending = undefined;
      this.stopping.signal.removeEventListener('abort', end);
      for (const each of unlisten) each();
      clearTimeout(patience);
      end();
      await held?.release();
    }
  }

  /** @param next the number of the next delivery, when none may be missed; undefined when any order will do */
  private async consume(live: LiveConnection, info: ConsumerInfo, over: AbortSignal, next?: number): Promise<void> {
    let end: (error: Error) => void = () => {};
    const ended = new Promise<void>((resolve, reject) => {
      end = reject;
      over.addEventListener('abort', () => resolve());
    });
    const failed = (error: Error) => {
      if (this.pulling?.pulls !== pulls) return;
      this.pulling = undefined;
      end(error);
    };
    const delivered = (message: PulledMessage) => {
      if (this.pulling?.pulls !== pulls) return this.giveBack(message);
      if (next !== undefined && message.deliverySequence !== next++) {
        return failed(new Error('a delivery was missed; starting over behind what is settled, to keep the order'));
      }
      this.held.add(message);
      if (this.running.size < this.source.capacity) this.start(message, over);
      else this.waiting.push(message);
      this.ask();
    };
    const listener = { delivered, expired: () => this.ask(), failed };
    const pulls = new PullSubscription(live.nats, info, listener, this.times.pullExpires);
    this.pulling = { pulls, over };
    try {
      this.ask();
      await ended;
    } finally {
      this.pulling = undefined;
      // Before what waits is given back, or it could come here again.
      const closed = pulls.close({ drain: this.client.state().up });
      this.giveBackWaiting();
      await closed;
    }
  }

  /** For as many deliveries as there are hands for soon; not for each that becomes free. */
  private ask(): void {
    if (!this.pulling) return;
    const { pulls } = this.pulling;
    const { prefetch } = this.source;
    const room = prefetch - pulls.asked - this.waiting.length;
    if (!this.stuck && room >= prefetch / 2) pulls.ask(room);
  }

  private start(message: PulledMessage, tenure: AbortSignal): void {
    const work = this.handle(message, tenure).finally(() => {
      this.running.delete(work);
      this.held.delete(message);
      this.stuck = false;
      this.startNext();
    });
    this.running.add(work);
  }

  private startNext(): void {
    if (!this.pulling) return;
    const next = this.waiting.shift();
    if (next) {
      this.begun++;
      this.start(next, this.pulling.over);
    }
    this.ask();
  }

  /** Somebody else may have it at once; left alone it would wait for the ack timeout. */
  private giveBack(message: PulledMessage): void {
    this.held.delete(message);
    // A consumer that keeps the order begins anew behind what is settled.
    if (!this.source.hold) message.again();
  }

  private giveBackWaiting(): void {
    for (const message of this.waiting.splice(0)) this.giveBack(message);
  }

  /** Never rejects: what cannot be settled now is delivered again after the ack timeout. */
  private async handle(message: PulledMessage, tenure: AbortSignal): Promise<void> {
    const delivery = deliveryOf(message, this.source.typeOf(message.subject), this.since);
    try {
      const settlement = await this.source.handle(delivery, tenure);
      if (settlement) await this.settle(message, delivery, settlement);
    } catch (error) {
      this.logger.warn(
        { error, event: delivery.event.id },
        'an event could not be settled; it will be delivered again',
      );
    }
  }

  private async settle(message: PulledMessage, delivery: Delivery, settlement: Settlement): Promise<void> {
    if (settlement.kind === 'done') return this.acknowledge(message);
    if (settlement.kind === 'retry') return message.again(settlement.delay);
    try {
      await this.source.bury(delivery, settlement);
    } catch (error) {
      message.again(this.times.backoffLongest);
      throw error;
    }
    message.terminate();
  }

  /** With all that are done in the same turn of the event loop: each write to the socket costs as much as a statement. */
  private acknowledge(message: PulledMessage): Promise<void> {
    this.done.push(message);
    this.acknowledging ??= endOfTurn().then(() => {
      this.acknowledging = undefined;
      for (const one of this.done.splice(0)) one.acknowledge();
    });
    return this.acknowledging;
  }

  private beat(): void {
    for (const message of this.held) message.working();
    if (!this.source.hold && this.waiting.length > 0 && this.begun === 0) {
      this.stuck = true;
      this.giveBackWaiting();
    }
    this.begun = 0;
    const { consumer } = this;
    consumer?.info().then(
      (info) => {
        if (consumer === this.consumer) this.pending = pendingOf(info);
      },
      // Consuming breaks for the same reason, and says it.
      () => undefined,
    );
  }
}

function pendingOf({ num_pending: undelivered, num_ack_pending: unsettled }: ConsumerInfo): number {
  return undelivered + unsettled;
}

/** What NATS itself reads (`Nats-Msg-Id`, `Nats-Expected-*`) is about one message, not about the event. */
const OF_NATS = /^nats-/i;

function deliveryOf(message: PulledMessage, type: string, since: number): Delivery {
  const headers = [...(message.headers ?? [])]
    .filter(([name]) => !OF_NATS.test(name))
    .map(([name, values]) => [name, values.at(-1) ?? ''] as const);
  const { deliveryCount: attempt, storedAt, stream, streamSequence: sequence } = message;
  const event = eventFromWire(type, headers, message.data, new Date(storedAt));
  return { event, attempt, fresh: attempt === 1 && isFresh(event, storedAt, since), place: { stream, sequence } };
}

/**
 * Whether it was stored as soon as it happened, so that it cannot be another copy of one that was stored before: the
 * stream would have refused it. And after the consumer was made: one that was made anew begins again with what it had.
 */
function isFresh({ headers }: PublishedEvent, storedAt: number, since: number): boolean {
  return storedAt > since && Math.abs(storedAt - Date.parse(headers['ce-time'] ?? '')) < DUPLICATE_WINDOW / 2;
}
