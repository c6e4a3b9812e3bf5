import { type Msg, type MsgHdrs, type NatsConnection, createInbox } from '@nats-io/transport-node';

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
export class JetStreamPublisher {
  private readonly inbox = createInbox();
  /** By the last token of their reply subject; the oldest, which expires first, comes first. */
  private readonly waiting = new Map<string, Publication>();
  private count = 0;
  private timer: NodeJS.Timeout | undefined;

  /** @param timeout milliseconds that JetStream may take to say that a message is stored */
  constructor(
    private readonly nats: NatsConnection,
    private readonly timeout: number,
  ) {
    nats.subscribe(`${this.inbox}.*`, { callback: (_, message) => this.answered(message) });
  }

  /** Resolves when the message is stored, or was before. @throws why it is not, as far as that is known */
  publish(subject: string, payload: Uint8Array, id: string, headers: MsgHdrs): Promise<void> {
    headers.set('Nats-Msg-Id', id);
    const token = String(++this.count);
    return new Promise((resolve, reject) => {
      this.nats.publish(subject, payload, { reply: `${this.inbox}.${token}`, headers });
      this.waiting.set(token, { expires: performance.now() + this.timeout, resolve, reject });
      this.timer ??= setTimeout(this.expire, this.timeout).unref();
    });
  }

  private answered(message: Msg): void {
    const token = message.subject.slice(this.inbox.length + 1);
    const publication = this.waiting.get(token);
    this.waiting.delete(token);
    if (!publication) return;
    const reason = refusalOf(message);
    if (reason === undefined) publication.resolve();
    else publication.reject(new Error(reason));
  }

  private readonly expire = (): void => {
    this.timer = undefined;
    const now = performance.now();
    for (const [token, { expires, reject }] of this.waiting) {
      if (expires > now) {
        this.timer = setTimeout(this.expire, expires - now).unref();
        return;
      }
      this.waiting.delete(token);
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
