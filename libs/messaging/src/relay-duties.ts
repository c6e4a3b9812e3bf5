import type { ControlConnection } from '@rookery/database';
import type { Logger } from '@rookery/observability';
import type { Inbox } from './inbox.js';
import { isOutage } from './is-outage.js';
import type { DelayedEvents } from './jobs/delayed-events.js';
import type { RecurringJobs } from './jobs/recurring-jobs.js';
import type { MessagingMetrics } from './messaging.metrics.js';
import type { OutboxQueue } from './outbox-queue.js';

const BACKLOG_INTERVAL = 2_000;
const PRUNE_INTERVAL = 60 * 60 * 1_000;

/** Whose duties they are. */
export interface DutyHolders {
  readonly delayed: DelayedEvents;
  readonly jobs: RecurringJobs;
  readonly inbox: Inbox;
}

/** What else the replica does that has the relay. Whichever of it fails is tried again, and holds up nothing else. */
export class RelayDuties {
  private readonly next = { backlog: 0, prune: performance.now() + PRUNE_INTERVAL, delayed: 0 };
  private readonly failing = new Set<string>();
  /** How many events wait, as far as it was counted. */
  pending = 0;

  /** @param interval milliseconds between two looks for what is due, at most */
  constructor(
    private readonly holders: DutyHolders,
    private readonly control: ControlConnection,
    private readonly queue: OutboxQueue,
    private readonly interval: number,
    private readonly metrics: MessagingMetrics,
    private readonly logger: Logger,
  ) {}

  /** What cannot be done; undefined when all can. */
  get trouble(): string | undefined {
    return this.failing.size > 0 ? [...this.failing].join('; ') : undefined;
  }

  /** They are this replica's from now on. */
  begin(): void {
    this.next.backlog = this.next.delayed = 0;
  }

  /** They are another replica's from now on. */
  end(): void {
    this.holders.jobs.end();
    this.failing.clear();
  }

  /** @returns milliseconds until one of them is due again. @throws when the session is lost */
  async due(): Promise<number> {
    const { next } = this;
    const { delayed, inbox, jobs } = this.holders;
    const now = performance.now();
    if (now >= next.backlog) {
      next.backlog = now + BACKLOG_INTERVAL;
      await this.attempt('what waits cannot be counted', () => this.tellBacklog());
    }
    if (now >= next.prune) {
      next.prune = now + PRUNE_INTERVAL;
      await this.attempt('the inbox cannot be pruned', async () => {
        // One batch at a look: events do not wait for the rest.
        if (await inbox.prune(this.control)) next.prune = now;
      });
    }
    if (now >= next.delayed) {
      next.delayed = now + this.interval;
      await this.attempt('delayed events cannot be moved', async () => {
        next.delayed = now + Math.min(this.interval, await delayed.move());
      });
      await this.attempt('recurring jobs cannot be run', () => jobs.runDue());
    }
    return Math.min(next.delayed, next.prune) - now;
  }

  async tellBacklog(): Promise<void> {
    const backlog = await this.queue.backlog();
    this.pending = backlog.pending;
    this.metrics.backlog(backlog);
  }

  private async attempt(trouble: string, duty: () => Promise<void>): Promise<void> {
    try {
      await duty();
      this.failing.delete(trouble);
    } catch (error) {
      // The control connection says so itself, perhaps a moment later.
      if (isOutage(error) || !this.control.connected) throw error;
      if (!this.failing.has(trouble)) this.logger.error({ error }, `${trouble}; trying for ever`);
      this.failing.add(trouble);
    }
  }
}
