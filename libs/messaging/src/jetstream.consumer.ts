import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@rookery/observability';
import { type Consumer, type ConsumerInfo, jetstream } from '@nats-io/jetstream';
import type { ConsumerSource, ConsumerTimes } from './consumer-source.js';
import type { ConsumerState } from './event-bus.js';
import { HeldDeliveries } from './held-deliveries.js';
import type { Held } from './leases.js';
import type { LiveConnection, NatsClient } from './nats-client.js';
import { PullSubscription } from './pull-subscription.js';
import type { PulledMessage } from './pulled-message.js';
import { within } from './within.js';

/** Between two attempts to get at the consumer. */
const RETRY = { first: 100, longest: 5_000 };
/** Milliseconds without a connection after which one of all replicas lets another one consume. */
const PATIENCE = 5_000;
/** How often, at least, the server is asked what waits. */
const LOOK = 10_000;

/**
 * Consumes one durable consumer, and tells the server of deliveries that take long that they are still at work. Whatever
 * breaks (the connection, the consumer deleted, a server with an empty store), it starts over until it is stopped.
 */
export class JetStreamConsumer {
  private readonly stopping = new AbortController();
  private readonly deliveries: HeldDeliveries;
  private pulls: PullSubscription | undefined;
  private readonly heartbeat: NodeJS.Timeout;
  private readonly loop: Promise<void>;
  private restartTenure: () => void = () => {};
  private trouble: string | undefined;
  private consumer: Consumer | undefined;
  private pending: number | undefined;

  constructor(
    private readonly source: ConsumerSource,
    private readonly client: NatsClient,
    private readonly times: ConsumerTimes,
    private readonly onTrouble: () => void,
    private readonly logger: Logger,
  ) {
    this.deliveries = new HeldDeliveries(source, times, () => this.ask(), logger);
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
      this.loop.then(() => this.deliveries.ended()),
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
      if (this.pulls !== pulls) return;
      this.pulls = undefined;
      this.deliveries.pause();
      end(error);
    };
    const delivered = (message: PulledMessage) => {
      if (this.pulls === pulls && next !== undefined && message.deliverySequence !== next++) {
        return failed(new Error('a delivery was missed; starting over behind what is settled, to keep the order'));
      }
      this.deliveries.take(message);
      this.ask();
    };
    const listener = { delivered, expired: () => this.ask(), failed };
    const pulls = new PullSubscription(live.nats, info, listener, this.times.pullExpires);
    this.pulls = pulls;
    this.deliveries.resume(over, Date.parse(info.created));
    try {
      this.ask();
      await ended;
    } finally {
      this.pulls = undefined;
      this.deliveries.pause();
      await pulls.close({ connected: this.client.state().up });
      // With what has come while it was closed; not before, or it could come here again.
      this.deliveries.giveBackWaiting();
    }
  }

  /** For as many deliveries as there are hands for soon; not for each that becomes free. */
  private ask(): void {
    if (!this.pulls) return;
    const { prefetch } = this.source;
    const room = this.deliveries.room - this.pulls.asked;
    if (room >= prefetch / 2) this.pulls.ask(room);
  }

  private beat(): void {
    this.deliveries.beat();
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
