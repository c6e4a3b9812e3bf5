import { Unavailable, type RookeryError } from '@rookery/errors';
import { type Msg, type NatsConnection, createInbox, headers } from '@nats-io/transport-node';
import type { ReplyListener } from './message-bus.js';

/** What the server answers when nobody is subscribed to the subject of a request. */
const NO_RESPONDERS = 503;

interface Waiting {
  readonly subject: string;
  readonly listener: ReplyListener;
}

/**
 * Where the answers to this connection's requests arrive: one subscription for all of them. The client's own has each
 * request end with its first answer, and a handler may answer with several.
 */
export class NatsInbox {
  private readonly prefix = `${createInbox()}.`;
  private readonly waiting = new Map<string, Waiting>();
  private count = 0;
  /** The server does not let us have it. */
  private refused: Error | undefined;

  constructor(readonly nats: NatsConnection) {
    nats.subscribe(`${this.prefix}*`, { callback: (error, message) => this.receive(error, message) });
  }

  /** False when another one is needed. */
  get usable(): boolean {
    return this.refused === undefined && !this.nats.isClosed();
  }

  /** An address for the answers to one request on `subject`. */
  open(subject: string, listener: ReplyListener): { address: string; close: () => void } {
    const token = String(++this.count);
    this.waiting.set(token, { subject, listener });
    return { address: this.prefix + token, close: () => this.waiting.delete(token) };
  }

  /** Tells all who wait that no answer will come. */
  fail(error: RookeryError): void {
    const all = [...this.waiting.values()];
    this.waiting.clear();
    for (const { listener } of all) listener.failed(error);
  }

  private receive(error: Error | null, message: Msg): void {
    if (error) {
      this.refused = error;
      return this.fail(new Unavailable(`NATS does not let answers through: ${error.message}`, { cause: error }));
    }
    const token = message.subject.slice(this.prefix.length);
    const waiting = this.waiting.get(token);
    if (!waiting || isStored(message)) return;
    if (message.data.length > 0 || message.headers?.code !== NO_RESPONDERS) {
      return waiting.listener.replied({ headers: message.headers ?? headers(), data: message.data });
    }
    this.waiting.delete(token);
    waiting.listener.failed(noResponders(waiting.subject));
  }
}

/** What a request fails with that reaches nobody. */
export function noResponders(subject: string): Unavailable {
  return new Unavailable(`nobody answers on "${subject}" right now`, { reason: 'NO_RESPONDERS' });
}

/** Whether this is JetStream's acknowledgement: a stream that has the subject answers too, and says nothing of use. */
function isStored({ headers: sent, data }: Msg): boolean {
  if (sent || data.length > 256) return false;
  const text = Buffer.from(data).toString();
  return text.startsWith('{"stream":"') && text.includes('"seq":');
}
