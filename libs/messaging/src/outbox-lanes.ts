import { setMaxListeners } from 'node:events';
import { Bell } from './bell.js';
import type { EventBus } from './event-bus.js';
import { type Lane, isStuck, surplus } from './outbox-lane.js';
import { KEY_SPAN, type LeftEvent, type QueuedEvent, type ReadOptions, type Reading } from './outbox-queue.js';
import { OutboxScan, type Seen } from './outbox-scan.js';
import { SuspendedTypes } from './suspended-types.js';

/** Milliseconds between two attempts to publish an event that the bus refuses, doubling. */
const BACKOFF = { first: 100, longest: 2_000 };
/** When the bus takes events again after this long, those that wait for their next attempt are not kept waiting. */
const SILENCE = 1_000;
/** Of all payloads under way: memory, and what NATS may have to be sent at once. */
const MAX_BYTES = 16_000_000;
/** A lane holds at most this share of what may be under way; so do the lanes together that make no room for others. */
const SHARE = 1 / 16;
/** So many keys are read on at one look. */
const KEYS_READ_ON = 8;

/** Who hears of it. */
export interface LanesListener {
  /** The bus has taken it, however late: it may be deleted. */
  published(event: QueuedEvent): void;
  /** An attempt failed; the event is tried again. */
  refused(event: QueuedEvent, error: unknown): void;
  /** There is room for more, or something to be read again. */
  idle(): void;
}

/**
 * Publishes many events at once, those of one key one after the other: the next begins when the bus has acknowledged
 * the one before, however often that was refused. Refused events stay here, so nothing of their key can overtake them.
 * When they are so many that they leave no room, all but some of their type go back, and their type and their keys are
 * left out of what is read until the bus takes one of them, or for some seconds: they hold up no others.
 */
export class OutboxLanes {
  private readonly lanes = new Map<string, Lane>();
  private readonly underway = new Map<string, QueuedEvent>();
  /** What works on lanes, also on those that were let go. */
  private readonly running = new Set<Promise<void>>();
  private readonly scan = new OutboxScan();
  private readonly suspended: SuspendedTypes;
  private bytes = 0;
  private starved = false;
  /** Milliseconds until what `room` did not want to read may be read. */
  rest = Number.POSITIVE_INFINITY;
  private lastPublished = 0;
  /** Events that the bus has refused and not taken since. */
  refused = 0;

  /** @param signal ends all of it; what is not published then stays in the outbox */
  constructor(
    private readonly bus: EventBus,
    private readonly listener: LanesListener,
    private readonly signal: AbortSignal,
  ) {
    this.suspended = new SuspendedTypes(() => listener.idle());
    signal.addEventListener('abort', () => {
      for (const lane of this.lanes.values()) end(lane);
    });
  }

  /** What is to be read now. Small amounts are not worth it: then that is nothing, and `idle` is called later. */
  room(seen: Seen): ReadOptions {
    const now = performance.now();
    // Between two passes, so that nothing is overtaken.
    if (!this.scan.reading && this.suspended.resume(now)) this.scan.rewind();
    if (this.full()) this.relieve(now);
    this.starved = this.full();
    const overflown = [...this.lanes.values()].filter(({ more }) => more !== undefined);
    const withoutTypes = this.suspended.types;
    const leavingOut = overflown.length > 0 || withoutTypes.length > 0;
    const wanting = overflown
      .filter((lane) => this.wantsMore(lane))
      .sort((a, b) => a.waiting.length - b.waiting.length);
    const range = this.starved ? undefined : this.scan.next(seen, leavingOut, now);
    this.rest = this.starved || range ? Number.POSITIVE_INFINITY : this.scan.restFor(now);
    return {
      range,
      limit: this.bus.window - this.underway.size,
      bytes: MAX_BYTES - this.bytes,
      withoutPositions: [...this.underway.keys()],
      withoutKeys: overflown.map(({ key }) => key!),
      withoutTypes,
      more: this.starved ? [] : wanting.slice(0, KEYS_READ_ON).map(({ key, more }) => ({ key: key!, after: more! })),
      moreLimit: this.laneSize / 2,
    };
  }

  /** Begins to publish what was read with `room`, unless all of it has ended meanwhile. */
  take(room: ReadOptions, reading: Reading): void {
    if (this.signal.aborted) return;
    for (const each of room.more) this.readOn(each, room, reading);
    const { range, limit } = room;
    if (!range) return;
    for (const row of reading.range) this.put(row);
    const complete = reading.range.length < limit && !reading.cut;
    const position = complete ? range.upTo : Number(reading.range.at(-1)?.position ?? range.after);
    this.scan.advance(position, reading.last, performance.now());
    if (complete && !this.scan.reading) return;
    if (this.full()) this.starved = true;
    else this.listener.idle();
  }

  /** Whether something is being published right now. */
  get busy(): boolean {
    return this.running.size > this.refused;
  }

  /** Resolves when no lane works any more. */
  async ended(): Promise<void> {
    await Promise.all(this.running);
  }

  private get laneSize(): number {
    return this.bus.window * SHARE;
  }

  private full(): boolean {
    return this.bus.window - this.underway.size < this.bus.window / 4 || this.bytes >= MAX_BYTES;
  }

  private wantsMore({ more, failures, waiting }: Lane): boolean {
    return more !== undefined && failures === 0 && waiting.length <= this.laneSize / 2;
  }

  private readOn({ key, after }: ReadOptions['more'][number], room: ReadOptions, reading: Reading): void {
    const lane = this.lanes.get(laneName(key));
    // It was let go meanwhile.
    if (lane?.more === undefined) return;
    const rows = reading.more.filter((row) => row.key === key);
    const complete = rows.length < room.moreLimit && !reading.cut;
    lane.more = complete ? after + KEY_SPAN : Number(rows.at(-1)?.position ?? after);
    const end = complete && lane.more >= reading.last;
    for (const row of rows) if (!this.put(row, lane)) break;
    // What was committed late, before what it has read, is found by the next pass; so is what is held.
    if (end || this.suspended.holds(key)) this.caughtUp(lane);
    else if (this.wantsMore(lane)) this.listener.idle();
  }

  private caughtUp(lane: Lane): void {
    lane.more = undefined;
    this.scan.rewind();
    if (!lane.work) this.lanes.delete(lane.name);
    this.listener.idle();
  }

  /** @param reader the lane that asked for it @returns whether a lane has it now */
  private put(row: QueuedEvent | LeftEvent, reader?: Lane): boolean {
    if (this.suspended.leavesOut(row) || !('payload' in row)) return false;
    const name = row.key === undefined ? row.position : laneName(row.key);
    const lane = reader ?? this.lanes.get(name) ?? this.open(name, row.key);
    if (!reader) {
      const full = lane.waiting.length >= this.laneSize || lane.bytes >= MAX_BYTES * SHARE;
      if (full) lane.more ??= Number(row.position) - 1;
      if (lane.more !== undefined) return false;
    }
    lane.waiting.push(row);
    lane.bytes += row.payload.length;
    this.underway.set(row.position, row);
    this.bytes += row.payload.length;
    if (!lane.work) this.work(lane);
    return true;
  }

  private open(name: string, key: string | undefined): Lane {
    const ending = new AbortController();
    // Many may listen to it.
    setMaxListeners(0, ending.signal);
    const lane: Lane = {
      name,
      key,
      waiting: [],
      bytes: 0,
      more: undefined,
      work: undefined,
      since: 0,
      failures: 0,
      bell: new Bell(),
      ending,
    };
    this.lanes.set(name, lane);
    return lane;
  }

  private work(lane: Lane): void {
    // Not before it has got its events.
    const work = Promise.resolve().then(() => this.run(lane));
    lane.work = work;
    this.running.add(work);
    void work.finally(() => this.running.delete(work));
  }

  /** Never rejects. */
  private async run(lane: Lane): Promise<void> {
    const { waiting } = lane;
    for (let event = waiting[0]; event && (await this.publish(event, lane)); event = waiting[0]) {
      if (waiting.length === this.laneSize / 2 && this.wantsMore(lane)) this.listener.idle();
    }
    lane.work = undefined;
    if (lane.ending.signal.aborted) return;
    // At once: whatever is read from here on gets a lane of its own.
    if (lane.more === undefined) this.lanes.delete(lane.name);
    const roomy = this.underway.size <= this.bus.window / 2 && this.bytes <= MAX_BYTES / 2;
    if (lane.more !== undefined || this.lanes.size === 0 || (this.starved && roomy)) this.listener.idle();
  }

  /** @returns whether the lane goes on; not when it was ended */
  private async publish(event: QueuedEvent, lane: Lane): Promise<boolean> {
    const { signal } = lane.ending;
    lane.since = performance.now();
    for (let wait = BACKOFF.first; !signal.aborted; wait = Math.min(2 * wait, BACKOFF.longest)) {
      try {
        await this.bus.publish(event, signal);
      } catch (error) {
        if (signal.aborted) return false;
        this.setFailures(lane, lane.failures + 1);
        this.listener.refused(event, error);
        // Not all at the same moment, so that the first attempt after an outage comes soon after it.
        await lane.bell.sleep(wait * (0.5 + Math.random() / 2));
        continue;
      }
      this.took(event, lane);
      return !signal.aborted;
    }
    return false;
  }

  private took(event: QueuedEvent, lane: Lane): void {
    const now = performance.now();
    // What a lane held that was let go is accounted for already.
    if (!lane.ending.signal.aborted) {
      this.setFailures(lane, 0);
      lane.waiting.shift();
      this.leave(event, lane);
    }
    if (this.refused > 0 && now - this.lastPublished > SILENCE) {
      for (const { failures, bell } of this.lanes.values()) if (failures > 0) bell.ring();
    }
    this.lastPublished = now;
    this.suspended.took(event.type);
    this.listener.published(event);
  }

  private setFailures(lane: Lane, failures: number): void {
    this.refused += Number(failures > 0) - Number(lane.failures > 0);
    lane.failures = failures;
  }

  private leave(event: QueuedEvent, lane: Lane): void {
    this.underway.delete(event.position);
    this.bytes -= event.payload.length;
    lane.bytes -= event.payload.length;
  }

  /** Makes room: of lanes that do not get on, all but the first event goes back, and when there are many, most of them. */
  private relieve(now: number): void {
    const stuck = [...this.lanes.values()].filter((lane) => isStuck(lane, now));
    for (const lane of stuck) this.shorten(lane);
    if (!this.full()) return;
    for (const [type, lanes] of surplus(stuck, { events: this.laneSize, bytes: MAX_BYTES * SHARE })) {
      const leave = this.suspended.suspend(type, now);
      for (const lane of lanes) {
        this.letGo(lane);
        leave(lane.key, lane.work!);
      }
    }
  }

  /** What it gives back is read on from its first event. */
  private shorten(lane: Lane): void {
    const [first, ...others] = lane.waiting;
    if (others.length === 0) return;
    lane.more = Number(first!.position);
    lane.waiting.length = 1;
    for (const event of others) this.leave(event, lane);
  }

  /** Its events are read again when their type is. */
  private letGo(lane: Lane): void {
    this.lanes.delete(lane.name);
    for (const event of lane.waiting) this.leave(event, lane);
    this.setFailures(lane, 0);
    end(lane);
  }
}

function end({ ending, bell }: Lane): void {
  ending.abort();
  bell.ring();
}

/** Prefixed because an event's position could be another event's key. */
function laneName(key: string): string {
  return `key ${key}`;
}
