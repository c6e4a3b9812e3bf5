import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlConnection } from '@rookery/database';
import type { DependencyState, Logger } from '@rookery/observability';
import { Bell } from './bell.js';
import type { EventBus } from './event-bus.js';
import { isOutage } from './is-outage.js';
import type { MessagingMetrics } from './messaging.metrics.js';
import { type LanesListener, OutboxLanes } from './outbox-lanes.js';
import { OutboxQueue, type ReadOptions } from './outbox-queue.js';
import { OUTBOX_CHANNEL, type OutboxWake } from './outbox-wake.js';
import { type DutyHolders, RelayDuties } from './relay-duties.js';
import { within } from './within.js';

/** Milliseconds. A relay that says nothing for three seconds loses its lock. */
const HEARTBEAT = 1_000;
/** Milliseconds that published events stay in the outbox at most, while others are being published. */
const TIDY = 100;
/** Milliseconds between two looks at the outbox: what is committed meanwhile is published together. */
const PAUSE = 2;
/** Milliseconds without a connection to the bus after which the relay lets another replica publish that has one. */
const PATIENCE = 5_000;
/** Poll intervals that it leaves the others to take the lock. */
const STAND_BACK = 3;
/** Milliseconds between two such attempts while nobody relieves it. */
const HAND_OVER_INTERVAL = 60_000;
/** Milliseconds between two lines that say that the bus refuses events. */
const COMPLAINT_INTERVAL = 60_000;

/** What the relay takes from the configuration; milliseconds. */
export interface RelayOptions {
  readonly pollInterval: number;
  readonly drainTimeout: number;
}

/** From taking the lock, or from the bus coming back, to the end of either. */
interface Publishing {
  readonly lanes: OutboxLanes;
  readonly ending: AbortController;
}

/**
 * Publishes what is in the outbox, and deletes what the bus has acknowledged: at least once, in the order of each key.
 * Of all replicas of a service one does it; another takes over when it goes. That one also moves delayed events to the
 * outbox when their time has come, and runs the recurring jobs.
 */
export class OutboxRelay {
  private readonly bell = new Bell();
  private readonly stopping = new AbortController();
  private readonly queue: OutboxQueue;
  private readonly duties: RelayDuties;
  private loop: Promise<void> | undefined;
  private unlisten: (() => void) | undefined;
  /** Whether this replica has the lock. */
  private inTerm = false;
  private publishing: Publishing | undefined;
  /** Positions of what is published and not yet deleted. */
  private readonly published = new Set<string>();
  private complaint: { reason: string; at: number } | undefined;
  private troubled = false;
  /** Since when the bus cannot be reached from here. */
  private cutOffSince: number | undefined;
  private exchangedAt = Number.NEGATIVE_INFINITY;
  /** Whether nothing is to be read now, whatever is committed. */
  private sated = false;
  private nextHandOver = 0;
  /** Until then the lock is for others. */
  private standsBackUntil = 0;

  constructor(
    private readonly control: ControlConnection,
    private readonly bus: EventBus,
    private readonly wake: OutboxWake,
    private readonly holders: DutyHolders,
    private readonly options: RelayOptions,
    private readonly metrics: MessagingMetrics,
    private readonly logger: Logger,
  ) {
    this.queue = new OutboxQueue(control, () => this.endTerm());
    const interval = Math.min(options.pollInterval, HEARTBEAT);
    this.duties = new RelayDuties(holders, control, this.queue, interval, metrics, logger);
  }

  /** Begins, once everyone who wants events has subscribed. A second call does nothing. */
  start(): void {
    if (!this.stopping.signal.aborted) this.loop ??= this.run();
  }

  /** Finishes what is being published, as far as it does not take too long, and lets another replica take over. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.bell.ring();
    // Once for the bus, once for a database that does not answer: what is left undone is done again by the next relay.
    if (this.loop) await within(this.loop, 2 * this.options.drainTimeout);
  }

  /** What readiness says of the outbox. */
  state(): DependencyState {
    if (this.complaint) return { up: false, detail: `events wait: ${this.complaint.reason}` };
    if (this.troubled) return { up: false, detail: 'it cannot be read' };
    if (this.duties.trouble) return { up: false, detail: this.duties.trouble };
    return { up: true, detail: this.inTerm ? 'published by this replica' : 'published by another replica' };
  }

  private async run(): Promise<void> {
    const unlistenBus = this.bus.onConnected(this.ring);
    while (!this.stopping.signal.aborted) {
      const wait = await this.attempt();
      await sleep(PAUSE);
      await this.bell.sleep(wait);
    }
    unlistenBus();
    this.unlisten?.();
    await this.leave();
    this.queue.close();
  }

  /** Brings to an end what runs, as far as that does not take too long, and lets another replica take over. */
  private async leave(): Promise<void> {
    const { drainTimeout } = this.options;
    // Commits of handlers that still run are for the next relay.
    this.wake.relayIsHere(undefined);
    const jobs = this.holders.jobs.stop(drainTimeout);
    const ended = Promise.all([jobs, within(this.stopPublishing(), drainTimeout)]);
    try {
      // The session is lost when nothing is heard of it.
      while (!(await within(ended, HEARTBEAT))) await this.exchange(NOTHING);
      if (this.published.size > 0) await this.exchange(NOTHING);
      this.endTerm();
      await this.queue.release();
    } catch {
      // The session is gone, and the lock with it. Events that could not be deleted are published again.
      this.endTerm();
    }
  }

  /** One look at the outbox. @returns how long to sleep, unless woken */
  private async attempt(): Promise<number> {
    try {
      const wait = await this.look();
      this.troubled = false;
      return wait;
    } catch (error) {
      // The control connection says so itself when the database is not available.
      const outage = isOutage(error);
      if (!this.troubled && !outage) this.logger.error({ error }, 'the outbox cannot be read; trying for ever');
      this.troubled = !outage;
      return this.options.pollInterval;
    }
  }

  private async look(): Promise<number> {
    const { pollInterval } = this.options;
    this.unlisten ??= await this.control.listen(OUTBOX_CHANNEL, this.committed);
    const handingOver = await this.handOverDue();
    if (performance.now() < this.standsBackUntil) return pollInterval;
    if (!(await this.queue.acquire())) {
      if (this.inTerm) this.endTerm();
      return pollInterval;
    }
    if (!this.inTerm) this.beginTerm();
    if (handingOver && (await this.queue.othersAble())) return this.handOver();
    const wait = Math.min(pollInterval, HEARTBEAT, await this.duties.due());
    if (!this.bus.connected) {
      await this.waitForBus();
      return wait;
    }
    const { lanes } = (this.publishing ??= this.startPublishing());
    // What it was about may be gone in another way than to the bus.
    if (this.duties.pending === 0 && lanes.refused === 0) this.complainNoMore();
    const room = lanes.room(this.queue.seen);
    this.sated = room.range === undefined && room.more.length === 0;
    if (this.exchangeDue()) {
      const reading = await this.exchange(room);
      if (reading) lanes.take(room, reading);
    }
    return Math.min(wait, lanes.busy ? TIDY : HEARTBEAT, lanes.rest);
  }

  /** What would be read now could only be refused, taken back and read again. */
  private async waitForBus(): Promise<void> {
    this.sated = true;
    // What is still on its way fails by itself, or is published and then once more, with its id.
    void this.stopPublishing();
    if (this.duties.pending > 0) this.complain(this.bus.state().detail ?? 'the bus is away');
    if (this.exchangeDue()) await this.exchange(NOTHING);
  }

  /** Whether another replica had better publish; this one says to the others whether it could. */
  private async handOverDue(): Promise<boolean> {
    const now = performance.now();
    const { connected } = this.bus;
    await this.queue.tellAble(connected);
    if (connected) this.nextHandOver = this.standsBackUntil = 0;
    this.cutOffSince = connected ? undefined : (this.cutOffSince ?? now);
    if (now - (this.cutOffSince ?? now) < PATIENCE || now < this.nextHandOver) return false;
    this.nextHandOver = now + HEARTBEAT;
    return true;
  }

  private async handOver(): Promise<number> {
    this.logger.warn('this replica cannot reach the bus: another replica publishes its events');
    await this.leave();
    const now = performance.now();
    this.nextHandOver = now + HAND_OVER_INTERVAL;
    this.standsBackUntil = now + STAND_BACK * this.options.pollInterval;
    return this.options.pollInterval;
  }

  /** Also when there is nothing to read or to delete the session must be heard of. */
  private exchangeDue(): boolean {
    return !this.sated || this.published.size > 0 || performance.now() - this.exchangedAt >= HEARTBEAT;
  }

  private async exchange(room: ReadOptions) {
    this.exchangedAt = performance.now();
    const published = [...this.published];
    const reading = await this.queue.exchange(published, room);
    if (reading) for (const position of published) this.published.delete(position);
    return reading;
  }

  private readonly ring = (): void => this.bell.ring();

  /** What was committed can wait while nothing is to be read: the lanes, or the bus, say when that is over. */
  private readonly committed = (): void => {
    if (!this.sated) this.bell.ring();
  };

  private beginTerm(): void {
    this.inTerm = true;
    this.wake.relayIsHere(this.committed);
    this.metrics.relaying(true);
    this.duties.begin();
  }

  /** Nothing is published any more that another relay may publish already. */
  private endTerm(): void {
    this.inTerm = this.sated = false;
    this.wake.relayIsHere(undefined);
    this.metrics.relaying(false);
    this.duties.end();
    void this.stopPublishing();
    // What is refused is for the next relay to say.
    this.complaint = undefined;
  }

  private startPublishing(): Publishing {
    const ending = new AbortController();
    return { lanes: new OutboxLanes(this.bus, this.listener, ending.signal), ending };
  }

  /** Resolves when nothing is on its way to the bus any more. */
  private async stopPublishing(): Promise<void> {
    const { publishing } = this;
    this.publishing = undefined;
    publishing?.ending.abort();
    await publishing?.lanes.ended();
  }

  private readonly listener: LanesListener = {
    published: ({ position }) => {
      this.published.add(position);
      this.metrics.published.inc();
      if (!this.publishing?.lanes.refused) this.complainNoMore();
    },
    refused: (_event, error) => {
      this.metrics.refused.inc();
      this.complain(error instanceof Error ? error.message : String(error));
    },
    idle: this.ring,
  };

  /** One line for an outage, not one for each attempt; the state always tells the latest reason. */
  private complain(reason: string): void {
    const at = performance.now();
    const { complaint } = this;
    const told = complaint && (complaint.reason === reason || at - complaint.at < COMPLAINT_INTERVAL);
    this.complaint = { reason, at: told ? complaint.at : at };
    if (!told) this.logger.warn(`events wait in the outbox: ${reason}; trying for ever`);
  }

  private complainNoMore(): void {
    if (!this.complaint) return;
    this.complaint = undefined;
    this.logger.info('events are being published again');
  }
}

const NOTHING: ReadOptions = {
  limit: 0,
  bytes: 0,
  withoutPositions: [],
  withoutKeys: [],
  withoutTypes: [],
  more: [],
  moreLimit: 0,
};
