import { Unavailable, type RookeryError } from '@rookery/errors';
import { type Msg, headers } from '@nats-io/transport-node';
import { ReplyInbox } from '../reply-inbox.js';
import type { ReplyListener } from './message-bus.js';

/** What the server answers when nobody is subscribed to the subject of a request. */
const NO_RESPONDERS = 503;

interface Waiting {
  readonly subject: string;
  readonly listener: ReplyListener;
}

/** For requests. The client's own inbox has each of them end with its first answer, and a handler may give several. */
export class NatsInbox extends ReplyInbox<Waiting> {
  /** An address for the answers to one request on `subject`. */
  open(subject: string, listener: ReplyListener): { address: string; close: () => void } {
    const address = this.register({ subject, listener });
    return { address, close: () => this.waiting.delete(address) };
  }

  protected answered({ subject, listener }: Waiting, message: Msg): void {
    if (isStored(message)) return;
    if (message.data.length > 0 || message.headers?.code !== NO_RESPONDERS) {
      return listener.replied({ headers: message.headers ?? headers(), data: message.data });
    }
    this.waiting.delete(message.subject);
    listener.failed(noResponders(subject));
  }

  protected failed({ listener }: Waiting, error: RookeryError): void {
    listener.failed(error);
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
