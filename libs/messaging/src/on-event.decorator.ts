import 'reflect-metadata';
import { durationToMs } from '@rookery/config';
import type { MessageCodec } from '@rookery/contracts';
import type { EntityManager } from 'typeorm';
import type { ReceivedEvent } from './event.js';
import { type Rate, rateToInterval } from './rate-limit.js';

/** A method that handles events. What it does through `tx` happens once for each event, however often it comes. */
export type EventHandler<T> = (event: ReceivedEvent<T>, tx: EntityManager) => Promise<void>;

/** How one handler gets its events. What is left out is as the EVENTS_* variables say. Durations: `'5m'` or ms. */
export interface OnEventOptions {
  /** Events that a replica handles at the same time, at most. EVENTS_CONCURRENCY */
  concurrency?: number;
  /** Deliveries that a replica begins, at most, at even intervals: `100/s`, `30/m`. Unlimited */
  rate?: Rate;
  /**
   * `'key'`: events of one key are handled one after the other, in the order of the stream, also over the other ordered
   * handlers of this service for types of the same package. One that fails holds back those of its key, no others. One
   * replica at a time handles them.
   */
  ordered?: 'key';
  /** An event that failed this often becomes a dead letter. EVENTS_MAX_DELIVERIES */
  maxDeliveries?: number;
  /** The wait after the first failure, which doubles up to the longest. EVENTS_BACKOFF_FIRST, EVENTS_BACKOFF_LONGEST */
  backoff?: { first?: string | number; longest?: string | number };
  /** A handler that takes longer is ended and undone. EVENTS_HANDLER_TIMEOUT */
  timeout?: string | number;
}

/** `OnEventOptions` as the consumers take them: milliseconds, undefined where the configuration decides. */
export interface HandlerOptions {
  readonly concurrency?: number;
  readonly rateInterval?: number;
  readonly ordered: boolean;
  readonly maxDeliveries?: number;
  readonly backoffFirst?: number;
  readonly backoffLongest?: number;
  readonly handlerTimeout?: number;
}

interface Declared {
  readonly codec: MessageCodec<unknown>;
  readonly options: HandlerOptions;
}

const handlers = new WeakMap<object, Declared>();

/**
 * Has a method of a controller or provider handle the events of one type; replicas of the service share the work.
 *
 * ```ts
 * @OnEvent(OrderCreated, { concurrency: 4, rate: '50/s', timeout: '10s' })
 * async orderCreated(event: ReceivedEvent<OrderCreated>, tx: EntityManager): Promise<void> {
 *   await this.notifications.orderCreated(tx, event.payload);
 * }
 * ```
 * When it throws, its transaction is rolled back and the event comes again later; effects outside of `tx` (an e-mail,
 * a gRPC call) can therefore happen more than once.
 * @throws {TypeError} for an option that makes no sense
 */
export function OnEvent<T>(codec: MessageCodec<T>, options: OnEventOptions = {}) {
  const declared = { codec, options: handlerOptions(codec.$type, options) };
  return <H extends EventHandler<T>>(
    _target: object,
    _method: string | symbol,
    descriptor: TypedPropertyDescriptor<H>,
  ): void => {
    // The function itself is the key, so that a subclass inherits it and one that overrides the method does not.
    handlers.set(descriptor.value!, declared);
  };
}

/** What `@OnEvent` says of a method, or undefined when it handles no events. */
export function declaredOf(method: object): Declared | undefined {
  return handlers.get(method);
}

function handlerOptions(type: string, options: OnEventOptions): HandlerOptions {
  const { rate, ordered, backoff = {} } = options;
  const checked = <V>(name: string, value: V, right: boolean) => {
    if (right) return value;
    throw new TypeError(`@OnEvent(${type}): ${name} cannot be ${JSON.stringify(value)}`);
  };
  const count = (name: 'concurrency' | 'maxDeliveries') => {
    const value = options[name];
    return value === undefined ? undefined : checked(name, value, Number.isInteger(value) && value >= 1);
  };
  const duration = (name: string, value: string | number | undefined) => {
    const ms = value === undefined ? undefined : durationToMs(value);
    checked(name, value, ms === undefined || ms >= 1);
    return ms;
  };
  return {
    concurrency: count('concurrency'),
    rateInterval: rate === undefined ? undefined : rateToInterval(rate),
    ordered: checked('ordered', ordered, ordered === undefined || ordered === 'key') !== undefined,
    maxDeliveries: count('maxDeliveries'),
    backoffFirst: duration('backoff.first', backoff.first),
    backoffLongest: duration('backoff.longest', backoff.longest),
    handlerTimeout: duration('timeout', options.timeout),
  };
}
