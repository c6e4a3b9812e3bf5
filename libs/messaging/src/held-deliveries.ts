import { setImmediate as endOfTurn } from 'node:timers/promises';
import type { Logger } from '@rookery/observability';
import type { ConsumerSource, ConsumerTimes } from './consumer-source.js';
import { type Delivery, type PublishedEvent, eventFromWire } from './event.js';

import { DUPLICATE_WINDOW } from './jetstream-topology.js';
import type { PulledMessage } from './pulled-message.js';
import type { Settlement } from './settlement.js';

/** What a consumer has of the server's deliveries: those that are being handled, and those that wait for that. */
export class HeldDeliveries {
  private readonly running = new Set<Promise<void>>();
  /** What is not settled: it is being handled, or waits for that. */
  private readonly held = new Set<PulledMessage>();
  private readonly waiting: PulledMessage[] = [];
  /** Of whose deliveries another one may be begun. */
  private tenure: AbortSignal | undefined;
  /** When the consumer was made, in milliseconds of the server's clock. */
  private since = Number.POSITIVE_INFINITY;
  /** What of `waiting` was begun since the last heartbeat. */
  private begun = 0;
  /** Nothing was: what waits here is for other replicas, until a handler ends. */
  private stuck = false;
  private acknowledging: Promise<void> | undefined;
  private readonly done: PulledMessage[] = [];

  /** @param onRoom called when one has ended */
  constructor(
    private readonly source: ConsumerSource,
    private readonly times: ConsumerTimes,
    private readonly onRoom: () => void,
    private readonly logger: Logger,
  ) {}

  /** Has deliveries begun, as long as a tenure lasts. @param since when the consumer was made */
  resume(tenure: AbortSignal, since: number): void {
    this.tenure = tenure;
    this.since = since;
  }

  /** Begins no further ones. Those that run go on. */
  pause(): void {
    this.tenure = undefined;
  }

  /** How many more may wait here; none while what waits does not get on. */
  get room(): number {
    return this.stuck ? 0 : this.source.prefetch - this.waiting.length;
  }

  /** Resolves when none is being handled any more. */
  async ended(): Promise<void> {
    await Promise.all(this.running);
  }

  /** Handles it, now or when one of those before it has ended; while paused, it waits. */
  take(message: PulledMessage): void {
    this.held.add(message);
    if (this.tenure && this.running.size < this.source.capacity) this.start(message, this.tenure);
    else this.waiting.push(message);
  }

  /** Somebody else may have what waits at once; left alone it would wait for the ack timeout. */
  giveBackWaiting(): void {
    for (const message of this.waiting.splice(0)) {
      this.held.delete(message);
      // A consumer that keeps the order begins anew behind what is settled.
      if (!this.source.hold) message.again();
    }
  }

  /** Tells the server that they are at work, and gives back what waits when that has not got on since the last time. */
  beat(): void {
    for (const message of this.held) message.working();
    if (!this.source.hold && this.waiting.length > 0 && this.begun === 0) {
      this.stuck = true;
      this.giveBackWaiting();
    }
    this.begun = 0;
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
    if (!this.tenure) return;
    const next = this.waiting.shift();
    if (next) {
      this.begun++;
      this.start(next, this.tenure);
    }
    this.onRoom();
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
