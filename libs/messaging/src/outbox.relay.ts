import type { ControlConnection } from '@rookery/database';
import { Code, RookeryError } from '@rookery/errors';
import type { Logger } from '@rookery/observability';
import { Bell } from './bell.js';
import type { PublishedEvent } from './event.js';
import type { EventBus } from './event-bus.js';
import type { Inbox } from './inbox.js';
import type { MessagingMetrics } from './messaging.metrics.js';
import { OUTBOX_CHANNEL } from './outbox.js';
import { OutboxQueue } from './outbox-queue.js';
import { within } from './within.js';

/** Events read at once. For a bus whose publish waits for consumers it is how many are being delivered at once. */
const BATCH = { total: 100, key: 256 };
/** Between two attempts to publish while the bus refuses. */
const BACKOFF = { first: 100, longest: 5_000 };
const BACKLOG_INTERVAL = 5_000;
const PRUNE_INTERVAL = 60 * 60 * 1_000;

/** What the relay takes from the configuration; milliseconds. */
export interface RelayOptions {
  readonly pollInterval: number;
  readonly drainTimeout: number;
}

/**
 * Publishes what is in the outbox, and deletes what the bus has acknowledged: at least once, in the order of the outbox
 * (or of each key, as the bus asks for). Of all replicas of a service one does it; another takes over when it goes.
 *
 * Events are published in lanes, one after the other in each. A bus that keeps the order gets a single lane. A bus that
 * makes the publisher wait for the consumers gets a lane per key, and one for each event without a key.
 */
export class OutboxRelay {
  private readonly bell = new Bell();
  private readonly stopping = new AbortController();
  private readonly queue: OutboxQueue;
  private loop: Promise<void> | undefined;
  private unlisten: (() => void) | undefined;
  /** Read and not yet published, by id. */
  private readonly underway = new Map<string, PublishedEvent>();
  private readonly lanes = new Set<Promise<void>>();
  /** Published and not yet deleted. */
  private readonly acknowledged = new Set<string>();
  private refused: { since: string; wait: number; until: number } | undefined;
  private troubled = false;
  private nextBacklog = 0;
  private nextPrune: number;

  constructor(
    private readonly control: ControlConnection,
    private readonly bus: EventBus,
    private readonly inbox: Inbox,
    private readonly options: RelayOptions,
    private readonly metrics: MessagingMetrics,
    private readonly logger: Logger,
    private readonly now: () => number = Date.now,
  ) {
    this.queue = new OutboxQueue(control);
    this.nextPrune = now() + PRUNE_INTERVAL;
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

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) await this.bell.sleep(await this.attempt());
    await within(Promise.all(this.lanes), this.options.drainTimeout);
    this.unlisten?.();
    try {
      await this.forget();
      await this.queue.release();
    } catch {
      // The session is gone, and the lock with it. Events that could not be deleted are published again.
    }
  }

  /** One look at the outbox. @returns how long to sleep, unless woken */
  private async attempt(): Promise<number> {
    try {
      const sleep = await this.look();
      this.troubled = false;
      return sleep;
    } catch (error) {
      // The control connection says so itself when the database is not available.
      const outage = error instanceof RookeryError && error.code === Code.UNAVAILABLE;
      if (!this.troubled && !outage) this.logger.error({ error }, 'the outbox cannot be read; trying for ever');
      this.troubled = !outage;
      return this.options.pollInterval;
    }
  }

  private async look(): Promise<number> {
    const { pollInterval } = this.options;
    this.unlisten ??= await this.control.listen(OUTBOX_CHANNEL, this.wake);
    if (!(await this.queue.acquire())) {
      this.metrics.backlog(undefined);
      return pollInterval;
    }
    await this.forget();
    await this.housekeeping();
    const refusedFor = (this.refused?.until ?? 0) - this.now();
    if (refusedFor > 0) return Math.min(refusedFor, pollInterval);
    await this.openLanes();
    return pollInterval;
  }

  private readonly wake = (): void => this.bell.ring();

  private async openLanes(): Promise<void> {
    const { ordering } = this.bus;
    const room = ordering === 'total' && this.lanes.size > 0 ? 0 : BATCH[ordering] - this.underway.size;
    if (room <= 0) return;
    const busy = [...this.underway.values()];
    const ids = [...this.underway.keys(), ...this.acknowledged];
    const keys = new Set(busy.flatMap(({ key }) => key ?? []));
    const events = await this.queue.read(room, { ids, keys: [...keys] });
    const lanes = new Map<string, PublishedEvent[]>();
    for (const event of events) {
      this.underway.set(event.id, event);
      // Keys are prefixed because an event's id could be another event's key.
      const name = ordering === 'total' ? '' : event.key === undefined ? event.id : `key ${event.key}`;
      const lane = lanes.get(name);
      if (lane) lane.push(event);
      else lanes.set(name, [event]);
    }
    for (const lane of lanes.values()) this.open(lane);
  }

  private open(events: PublishedEvent[]): void {
    const lane = this.publishInTurn(events).finally(() => {
      for (const { id } of events) this.underway.delete(id);
      this.lanes.delete(lane);
      this.bell.ring();
    });
    this.lanes.add(lane);
  }

  /** Stops at the first event that the bus refuses: the next look finds it first again. Never rejects. */
  private async publishInTurn(events: PublishedEvent[]): Promise<void> {
    const { signal } = this.stopping;
    for (const event of events) {
      if (signal.aborted) return;
      try {
        await this.bus.publish(event, signal);
      } catch (error) {
        if (!signal.aborted) this.refuse(error);
        return;
      }
      this.acknowledged.add(event.id);
      this.metrics.published.inc();
      if (this.refused) this.logger.info('events are being published again');
      this.refused = undefined;
    }
  }

  /** One line when it begins, not one for each attempt. */
  private refuse(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (this.refused?.since !== reason) this.logger.warn(`events wait in the outbox: ${reason}; trying for ever`);
    const wait = Math.min((this.refused?.wait ?? BACKOFF.first / 2) * 2, BACKOFF.longest);
    this.refused = { since: reason, wait, until: this.now() + wait };
  }

  private async forget(): Promise<void> {
    const ids = [...this.acknowledged];
    if (ids.length === 0) return;
    await this.queue.remove(ids);
    for (const id of ids) this.acknowledged.delete(id);
  }

  private async housekeeping(): Promise<void> {
    const now = this.now();
    if (now >= this.nextBacklog) {
      this.nextBacklog = now + BACKLOG_INTERVAL;
      this.metrics.backlog(await this.queue.backlog());
    }
    if (now >= this.nextPrune) {
      this.nextPrune = now + PRUNE_INTERVAL;
      await this.inbox.prune(this.control);
    }
  }
}
