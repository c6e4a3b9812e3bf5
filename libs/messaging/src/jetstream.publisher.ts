import type { RookeryError } from '@rookery/errors';
import type { Msg, MsgHdrs, NatsConnection } from '@nats-io/transport-node';
import { ReplyInbox } from './reply-inbox.js';

interface Publication {
  readonly expires: number;
  resolve(): void;
  reject(error: Error): void;
}

/** JetStream's answer: what it stored, or why it did not. */
interface PublishAck {
  readonly stream?: string;
  readonly error?: { readonly description: string };
}

/**
 * Publishes to JetStream, many messages at once on one connection. The client's own `publish` is a request, which makes
 * a timer and two errors with their stacks for each message, just in case: a third of what a relay's process does.
 */
export class JetStreamPublisher extends ReplyInbox<Publication> {
  private timer: NodeJS.Timeout | undefined;

  /** @param timeout milliseconds that JetStream may take to say that a message is stored */
  constructor(
    nats: NatsConnection,
    private readonly timeout: number,
  ) {
    super(nats);
  }

  /** Resolves when the message is stored, or was before. @throws why it is not, as far as that is known */
  publish(subject: string, payload: Uint8Array, id: string, headers: MsgHdrs): Promise<void> {
    headers.set('Nats-Msg-Id', id);
    return new Promise((resolve, reject) => {
      const reply = this.register({ expires: performance.now() + this.timeout, resolve, reject });
      try {
        this.nats.publish(subject, payload, { reply, headers });
      } catch (error) {
        this.waiting.delete(reply);
        throw error;
      }
      this.timer ??= setTimeout(this.expire, this.timeout).unref();
    });
  }

  protected answered(publication: Publication, message: Msg): void {
    this.waiting.delete(message.subject);
    const reason = refusalOf(message);
    if (reason === undefined) publication.resolve();
    else publication.reject(new Error(reason));
  }

  protected failed(publication: Publication, error: RookeryError): void {
    publication.reject(error);
  }

  private readonly expire = (): void => {
    this.timer = undefined;
    const now = performance.now();
    for (const [reply, { expires, reject }] of this.waiting) {
      if (expires > now) {
        this.timer = setTimeout(this.expire, expires - now).unref();
        return;
      }
      this.waiting.delete(reply);
      reject(new Error(`no answer within ${this.timeout} ms`));
    }
  };
}

function refusalOf(message: Msg): string | undefined {
  if (message.headers?.code === 503) return 'no stream takes it';
  try {
    const { stream, error } = message.json<PublishAck>();
    return error ? error.description : stream ? undefined : 'its answer names no stream';
  } catch {
    return 'its answer cannot be read';
  }
}
