import { Unavailable } from '@rookery/errors';
import type { Logger } from '@rookery/observability';
import { type Msg, type NatsConnection, type Subscription, headers as noHeaders } from '@nats-io/transport-node';
import type { NatsClient } from '../nats-client.js';
import {
  type Message,
  MessageBus,
  type MessageSubscription,
  type ReceivedMessage,
  type ReplyListener,
} from './message-bus.js';
import { NatsInbox } from './nats-inbox.js';

/**
 * Core NATS. The connection reconnects for ever and brings its subscriptions with it; what is sent while there is none
 * is refused, because the client would take it and drop it.
 */
export class NatsMessageBus extends MessageBus {
  private inbox: NatsInbox | undefined;

  constructor(
    private readonly client: NatsClient,
    private readonly logger: Logger,
  ) {
    super();
    // Whether the requests have been handled is not known; nobody can tell us any more.
    client.onLost((error) => this.inbox?.fail(error));
  }

  publish({ subject, headers, data }: Message): void {
    send(this.client.current().nats, subject, data, { headers });
  }

  request({ subject, headers, data }: Message, listener: ReplyListener): () => void {
    const { nats } = this.client.current();
    if (this.inbox?.nats !== nats || !this.inbox.usable) this.inbox = new NatsInbox(nats);
    const { address, close } = this.inbox.open(subject, listener);
    try {
      send(nats, subject, data, { headers, reply: address });
    } catch (error) {
      close();
      throw error;
    }
    return close;
  }

  subscribe(subscription: MessageSubscription): () => Promise<void> {
    let on: { nats: NatsConnection; subscription: Subscription } | undefined;
    const open = () => {
      const { nats } = this.client.current();
      // A reconnected client has subscribed again by itself; one that was made anew, or refused, has not.
      if (on && on.nats === nats && !on.subscription.isClosed()) return;
      on = { nats, subscription: this.open(nats, subscription) };
    };
    const unlisten = this.client.onConnected(open);
    if (this.client.state().up) open();
    return async () => {
      unlisten();
      if (!on || on.subscription.isClosed()) return;
      // There is nothing on its way on a connection that is broken, and nobody who could say so.
      if (this.client.state().up) await on.subscription.drain();
      else on.subscription.unsubscribe();
    };
  }

  async flush(): Promise<void> {
    if (this.client.state().up) await this.client.current().nats.flush();
  }

  private open(nats: NatsConnection, { subject, queue, receive }: MessageSubscription): Subscription {
    return nats.subscribe(subject, {
      queue,
      callback: (error, message) => {
        if (!error) return receive(received(nats, message));
        const reason = error.message;
        this.logger.error({ subject, reason }, 'NATS refuses a subscription; trying again when it is connected anew');
      },
    });
  }
}

function received(nats: NatsConnection, { subject, headers, data, reply }: Msg): ReceivedMessage {
  return {
    subject,
    headers: headers ?? noHeaders(),
    data,
    respond: reply ? (answer) => send(nats, reply, answer.data, { headers: answer.headers }) : undefined,
  };
}

function send(
  nats: NatsConnection,
  subject: string,
  data: Uint8Array,
  options: { headers: Message['headers']; reply?: string },
): void {
  try {
    nats.publish(subject, data, options);
  } catch (cause) {
    throw new Unavailable(`NATS does not take messages: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
