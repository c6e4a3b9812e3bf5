import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventBus } from './event-bus.js';
import type { QueuedEvent } from './outbox-queue.js';

/** Milliseconds between two attempts to publish an event that the bus refuses, doubling. */
const BACKOFF = { first: 100, longest: 2_000 };
/** When the bus takes events again after this long, those that wait for their next attempt are not kept waiting. */
const SILENCE = 1_000;
/** Of all payloads under way: memory, and what NATS may have to be sent at once. */
const MAX_BYTES = 16_000_000;
/** A lane holds at most this share of what may be under way, so that one busy key leaves room to others. */
const LANE_SHARE = 1 / 16;

/** Events that are published one after the other. */
interface Lane {
  readonly key: string | undefined;
  readonly waiting: QueuedEvent[];
  /** More of its key was read than it could take: it has to be read again when the lane has come to its end. */
  overflown: boolean;
}

/** Who hears of it. */
export interface LanesListener {
  published(event: QueuedEvent): void;
  /** An attempt failed; the event is tried again. */
  refused(event: QueuedEvent, error: unknown): void;
  /** There is room for more, or something to be read again. */
  idle(): void;
}

/**
 * Publishes many events at once, those of one key one after the other: the next begins when the bus has acknowledged
 * the one before, however often that was refused. Refused events stay here, so nothing of their key can overtake them,
 * and hold up no others.
 */
export class OutboxLanes {
  private readonly lanes = new Map<string, Lane>();
  private readonly underway = new Map<string, QueuedEvent>();
  private readonly running = new Set<Promise<void>>();
  private bytes = 0;
  private starved = false;
  private lastPublished = 0;
  private recovery = unlimited();
  /** Events that wait for their next attempt. */
  refused = 0;

  /** @param signal ends all of it; what is not published then stays in the outbox */
  constructor(
    private readonly bus: EventBus,
    private readonly listener: LanesListener,
    private readonly signal: AbortSignal,
  ) {
    setMaxListeners(0, signal);
    signal.addEventListener('abort', () => this.recovery.abort());
  }

  /** What may be read now. Small amounts are not worth a read: then `limit` is 0, and `idle` is called later. */
  room(): { limit: number; bytes: number; withoutPositions: string[]; withoutKeys: string[] } {
    const free = this.bus.window - this.underway.size;
    const bytes = MAX_BYTES - this.bytes;
    this.starved = free < this.bus.window / 4 || bytes <= 0;
    const overflown = [...this.lanes.values()].filter((lane) => lane.overflown);
    return {
      limit: this.starved ? 0 : free,
      bytes,
      withoutPositions: [...this.underway.keys()],
      withoutKeys: overflown.map(({ key }) => key!),
    };
  }

  /** Begins to publish what was read with `room`. @param limit of that reading: as many means that there may be more */
  take(events: readonly QueuedEvent[], limit: number): void {
    for (const event of events) {
      // Keys are prefixed because an event's position could be another event's key.
      const name = event.key === undefined ? event.position : `key ${event.key}`;
      const lane = this.lanes.get(name) ?? this.open(name, event.key);
      lane.overflown ||= lane.waiting.length >= this.bus.window * LANE_SHARE;
      if (lane.overflown) continue;
      lane.waiting.push(event);
      this.underway.set(event.position, event);
      this.bytes += event.payload.length;
    }
    this.starved ||= limit > 0 && events.length >= limit;
  }

  /** Whether something is being published right now. */
  get busy(): boolean {
    return this.lanes.size > this.refused;
  }

  /** Resolves when no lane works any more. */
  async ended(): Promise<void> {
    await Promise.all(this.running);
  }

  private open(name: string, key: string | undefined): Lane {
    const lane: Lane = { key, waiting: [], overflown: false };
    this.lanes.set(name, lane);
    // Not before it has got its events.
    const work = Promise.resolve().then(() => this.run(name, lane));
    this.running.add(work);
    void work.finally(() => this.running.delete(work));
    return lane;
  }

  /** Never rejects. */
  private async run(name: string, lane: Lane): Promise<void> {
    const { waiting } = lane;
    for (let event = waiting[0]; event && (await this.publish(event)); event = waiting[0]) {
      waiting.shift();
      this.underway.delete(event.position);
      this.bytes -= event.payload.length;
      this.listener.published(event);
    }
    // At once: whatever is read from here on gets a lane of its own.
    this.lanes.delete(name);
    const roomy = this.underway.size <= this.bus.window / 2;
    if (lane.overflown || this.lanes.size === 0 || (this.starved && roomy)) this.listener.idle();
  }

  /** @returns false when it was ended before the bus took the event */
  private async publish(event: QueuedEvent): Promise<boolean> {
    for (let wait = BACKOFF.first; !this.signal.aborted; wait = Math.min(2 * wait, BACKOFF.longest)) {
      try {
        await this.bus.publish(event, this.signal);
        this.recovered();
        return true;
      } catch (error) {
        if (this.signal.aborted) return false;
        this.listener.refused(event, error);
      }
      this.refused++;
      // Not all at the same moment, so that the first attempt after an outage comes soon after it.
      const pause = wait * (0.5 + Math.random() / 2);
      await sleep(pause, undefined, { signal: this.recovery.signal }).catch(() => {});
      this.refused--;
    }
    return false;
  }

  private recovered(): void {
    const now = performance.now();
    if (this.refused > 0 && now - this.lastPublished > SILENCE) {
      const { recovery } = this;
      this.recovery = unlimited();
      recovery.abort();
    }
    this.lastPublished = now;
  }
}

/** Many may listen to it. */
function unlimited(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
