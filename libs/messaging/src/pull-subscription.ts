import type { ConsumerInfo } from '@nats-io/jetstream';
import { type Msg, type NatsConnection, type Subscription, createInbox, nanos } from '@nats-io/transport-node';
import { PulledMessage } from './pulled-message.js';
import { within } from './within.js';

/** Milliseconds that one request for deliveries stays open on the server. */
const EXPIRES = 30_000;
/** How often the server says, at least, that a request is still open: in this share of the time that it stays so. */
const HEARTBEATS = 3;
/** So many heartbeats that did not come mean that the server knows of no request: its leader changed, for one. */
const MISSED = 3;
/** Milliseconds that what is on its way may take to arrive. */
const DRAIN_TIMEOUT = 2_000;

const STATUS = { heartbeat: 100, expired: 408 };
/** Of the request that expired: how many of its deliveries have not come. */
const LEFT = 'Nats-Pending-Messages';

/** Who asks for deliveries. */
export interface PullListener {
  /** Also while the subscription is being closed, of what was on its way. */
  delivered(message: PulledMessage): void;
  /** A request has ended, and not all that it asked for has come. */
  expired(): void;
  /** Nothing more comes: the consumer is gone, the server refuses, or it says nothing any more. */
  failed(error: Error): void;
}

/**
 * Gets as many deliveries of a durable consumer as it asks for, and never more. The client's own `consume` asks by itself:
 * behind an iterator that is not read its requests pile up, and all go out when it is read again.
 */
export class PullSubscription {
  private readonly inbox = createInbox();
  private readonly requests: string;
  private readonly information: string;
  private readonly subscription: Subscription;
  private readonly watch: NodeJS.Timeout;
  private readonly expires: { expires: number; idle_heartbeat: number };
  private outstanding = 0;
  /** Heartbeats that are overdue. */
  private missed = 0;

  /** @param expires milliseconds that a request stays open */
  constructor(
    private readonly nats: NatsConnection,
    { stream_name: stream, name }: ConsumerInfo,
    private readonly listener: PullListener,
    expires = EXPIRES,
  ) {
    const heartbeat = Math.round(expires / HEARTBEATS);
    this.requests = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`;
    this.information = `$JS.API.CONSUMER.INFO.${stream}.${name}`;
    this.expires = { expires: nanos(expires), idle_heartbeat: nanos(heartbeat) };
    this.subscription = nats.subscribe(this.inbox, { callback: (error, message) => this.receive(error, message) });
    this.watch = setInterval(() => this.look(), heartbeat);
  }

  /** Deliveries that were asked for and have not come. */
  get asked(): number {
    return this.outstanding;
  }

  ask(batch: number): void {
    if (this.outstanding === 0) this.missed = 0;
    this.outstanding += batch;
    try {
      this.nats.publish(this.requests, JSON.stringify({ batch, ...this.expires }), { reply: this.inbox });
    } catch (error) {
      // The connection is closed for good.
      this.listener.failed(error as Error);
    }
  }

  /**
   * Takes the requests back. On a connection that works it resolves when the server has forgotten them, and all has come
   * that was sent until then. A server that has not forgotten them would take what is given back for one of them, and not
   * deliver it to anyone else before its ack timeout (NATS 2.9); asked about the consumer it looks who is still there.
   */
  async close({ connected }: { connected: boolean }): Promise<void> {
    clearInterval(this.watch);
    if (this.nats.isClosed() || this.subscription.isClosed()) return;
    if (connected && (await within(this.subscription.drain(), DRAIN_TIMEOUT))) {
      await this.nats.request(this.information, undefined, { timeout: DRAIN_TIMEOUT }).catch(() => undefined);
    }
    if (!this.subscription.isClosed()) this.subscription.unsubscribe();
  }

  private receive(error: Error | null, message: Msg): void {
    if (error) return this.listener.failed(error);
    this.missed = 0;
    if (message.subject !== this.inbox) {
      this.outstanding--;
      return this.listener.delivered(new PulledMessage(message));
    }
    const { headers } = message;
    if (headers?.code === STATUS.heartbeat) return;
    if (headers?.code !== STATUS.expired) {
      return this.listener.failed(new Error(headers?.description || `JetStream answers ${headers?.code ?? 'nothing'}`));
    }
    this.outstanding -= Number(headers.get(LEFT));
    this.listener.expired();
  }

  private look(): void {
    if (this.outstanding > 0 && ++this.missed > MISSED) {
      this.listener.failed(new Error('JetStream says nothing of the consumer any more'));
    }
  }
}
