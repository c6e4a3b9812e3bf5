import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type Message,
  MessageBus,
  type MessageSubscription,
  type ReceivedMessage,
  type ReplyListener,
} from './message-bus.js';
import { noResponders } from './nats-inbox.js';
import { matches } from './subject.js';

/** The subscriptions of the buses that share a hub. */
class Exchange {
  private readonly subscriptions = new Set<MessageSubscription>();
  private turn = 0;

  join(subscription: MessageSubscription): void {
    this.subscriptions.add(subscription);
  }

  leave(subscription: MessageSubscription): void {
    this.subscriptions.delete(subscription);
  }

  /** Who gets a message on `subject`: everyone without a queue group, and one of each group. */
  receivers(subject: string): MessageSubscription[] {
    const alone: MessageSubscription[] = [];
    const groups = new Map<string, MessageSubscription[]>();
    for (const subscription of this.subscriptions) {
      const { subject: pattern, queue } = subscription;
      if (!matches(pattern, subject)) continue;
      if (!queue) alone.push(subscription);
      else if (groups.has(queue)) groups.get(queue)!.push(subscription);
      else groups.set(queue, [subscription]);
    }
    this.turn += 1;
    return [...alone, ...[...groups.values()].map((members) => members[this.turn % members.length]!)];
  }
}

/** The exchange of each hub of events: it lives as long, and is as global. */
const exchanges = new WeakMap<object, Exchange>();

/** The bus of services that live in one process. Messages are received in a later turn, as if they had travelled. */
export class InProcessMessageBus extends MessageBus {
  private readonly exchange: Exchange;

  /** @param hub what the buses of one process have in common that hear each other */
  constructor(hub: object) {
    super();
    this.exchange = exchanges.get(hub) ?? new Exchange();
    exchanges.set(hub, this.exchange);
  }

  publish(message: Message): void {
    this.deliver(message);
  }

  request(message: Message, listener: ReplyListener): () => void {
    let listening = true;
    const tell = (work: () => void) => setImmediate(() => listening && work());
    const heard = this.deliver({ ...message, respond: (reply) => tell(() => listener.replied(reply)) });
    if (!heard) tell(() => listener.failed(noResponders(message.subject)));
    return () => {
      listening = false;
    };
  }

  subscribe(subscription: MessageSubscription): () => Promise<void> {
    this.exchange.join(subscription);
    return async () => {
      this.exchange.leave(subscription);
      await nextTurn();
    };
  }

  async flush(): Promise<void> {
    // Whoever gets a message has it already.
  }

  private deliver(message: ReceivedMessage): boolean {
    const receivers = this.exchange.receivers(message.subject);
    for (const receiver of receivers) setImmediate(() => receiver.receive(message));
    return receivers.length > 0;
  }
}
