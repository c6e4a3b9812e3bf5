import 'reflect-metadata';
import type { MessageCodec } from '@rookery/contracts';
import type { EntityManager } from 'typeorm';
import type { ReceivedEvent } from './event.js';

/** A method that handles events. What it does through `tx` happens once for each event, however often it comes. */
export type EventHandler<T> = (event: ReceivedEvent<T>, tx: EntityManager) => Promise<void>;

const codecs = new WeakMap<object, MessageCodec<unknown>>();

/**
 * Has a method of a controller or provider handle the events of one type; replicas of the service share the work.
 *
 * ```ts
 * @OnEvent(OrderCreated)
 * async orderCreated(event: ReceivedEvent<OrderCreated>, tx: EntityManager): Promise<void> {
 *   await this.notifications.orderCreated(tx, event.payload);
 * }
 * ```
 * When it throws, its transaction is rolled back and the event comes again later; effects outside of `tx` (an e-mail,
 * a gRPC call) can therefore happen more than once.
 */
export function OnEvent<T>(codec: MessageCodec<T>) {
  return <H extends EventHandler<T>>(
    _target: object,
    _method: string | symbol,
    descriptor: TypedPropertyDescriptor<H>,
  ): void => {
    // The function itself is the key, so that a subclass inherits it and one that overrides the method does not.
    codecs.set(descriptor.value!, codec);
  };
}

/** The type of event that a method handles, or undefined when it handles none. */
export function codecOf(method: object): MessageCodec<unknown> | undefined {
  return codecs.get(method);
}
