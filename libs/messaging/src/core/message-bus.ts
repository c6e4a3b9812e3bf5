import type { RookeryError } from '@rookery/errors';
import type { MsgHdrs } from '@nats-io/transport-node';

/** A message as it travels. */
export interface Message {
  readonly subject: string;
  readonly headers: MsgHdrs;
  readonly data: Uint8Array;
}

/** An answer to a message. */
export type Reply = Omit<Message, 'subject'>;

/** A message that arrived. */
export interface ReceivedMessage extends Message {
  /** Answers it; undefined when nobody waits for an answer. Throws what `MessageBus.publish` throws. */
  readonly respond?: (reply: Reply) => void;
}

/** Who wants the messages on a subject. */
export interface MessageSubscription {
  /** May have wildcards: `stock.*`, `stock.>`. */
  readonly subject: string;
  /**
   * Of all subscriptions of one queue group that match a message, one gets it, whatever their subjects; each group
   * gets it. Without a group every subscription gets it.
   */
  readonly queue?: string;
  /** Must not throw. */
  receive(message: ReceivedMessage): void;
}

/** Who waits for answers to a message. */
export interface ReplyListener {
  replied(reply: Reply): void;
  /** No answer will come. */
  failed(error: RookeryError): void;
}

/**
 * Carries messages that nobody stores, at most once: who does not listen now never hears of them. There are two drivers,
 * one on core NATS and one inside the process; `message-bus.contract.ts` says what both promise.
 */
export abstract class MessageBus {
  /** Sends a message. @throws {Unavailable} when there is no connection: nothing waits for one */
  abstract publish(message: Message): void;

  /**
   * Sends a message and hears the answers to it, however many, until it is told not to. `listener` is told at once when
   * nobody is there to answer, and when the connection breaks on which the answers would come.
   * @returns what ends the listening
   * @throws {Unavailable} when there is no connection
   */
  abstract request(message: Message, listener: ReplyListener): () => void;

  /**
   * Receives messages from now on, or as soon as there is a connection, and again after it was lost.
   * @returns what ends it: resolves when what was already on its way here has been received
   */
  abstract subscribe(subscription: MessageSubscription): () => Promise<void>;

  /** Resolves when what was published has left the process for good. */
  abstract flush(): Promise<void>;
}
