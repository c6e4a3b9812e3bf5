import { Unavailable, type RookeryError } from '@rookery/errors';
import { type Msg, type NatsConnection, createInbox } from '@nats-io/transport-node';

/**
 * Where the answers to what a connection has asked arrive: one subscription for all of them, and who waits for which. It
 * does not hear of a lost connection by itself: whoever has it calls `fail`.
 */
export abstract class ReplyInbox<T> {
  /** By address; who has waited longest comes first. */
  protected readonly waiting = new Map<string, T>();
  private readonly prefix = `${createInbox()}.`;
  private count = 0;
  /** The server does not let us have it. */
  private refused = false;

  constructor(readonly nats: NatsConnection) {
    nats.subscribe(`${this.prefix}*`, { callback: (error, message) => this.receive(error, message) });
  }

  /** False when another one is needed. */
  get usable(): boolean {
    return !this.refused && !this.nats.isClosed();
  }

  /** Tells all who wait that no answer will come. */
  fail(error: RookeryError): void {
    const all = [...this.waiting.values()];
    this.waiting.clear();
    for (const waiting of all) this.failed(waiting, error);
  }

  /** An address for the answers that `waiting` gets, until it is taken out of the map. */
  protected register(waiting: T): string {
    const address = this.prefix + ++this.count;
    this.waiting.set(address, waiting);
    return address;
  }

  protected abstract answered(waiting: T, message: Msg): void;

  /** It waits no more. */
  protected abstract failed(waiting: T, error: RookeryError): void;

  /** With an error, there is no message. */
  private receive(error: Error | null, message: Msg): void {
    if (error) {
      this.refused = true;
      return this.fail(new Unavailable(`NATS does not let answers through: ${error.message}`, { cause: error }));
    }
    const waiting = this.waiting.get(message.subject);
    if (waiting) this.answered(waiting, message);
  }
}
