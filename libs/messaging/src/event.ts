import { createHash } from 'node:crypto';
import { callContext } from '@rookery/context';
import type { MessageCodec } from '@rookery/contracts';
import { newId } from '@rookery/database';
import { CONTEXT_METADATA } from '@rookery/grpc';
import { decodeHeader, encodeHeader } from './header-value.js';
import { messagingAttributes } from './messaging-attributes.js';

/**
 * An event on its way: CloudEvents 1.0 in binary mode. The headers carry the attributes, the payload is the bare
 * protobuf message, and the subject is the type.
 */
export interface PublishedEvent {
  /** `ce-id`, a UUIDv7 when it is ours: what deduplication goes by, on the bus and in the inbox. */
  readonly id: string;
  /** The full name of the protobuf message, `order.v1.OrderCreated`. */
  readonly type: string;
  /** Events of one key are published in the order in which they were added to the outbox. */
  readonly key?: string;
  /** All attributes as they travel, `ce-id` and `ce-type` among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
}

/** One attempt to have a group of consumers handle an event. */
export interface Delivery {
  readonly event: PublishedEvent;
  /** 1 for the first. */
  readonly attempt: number;
  /** Whether, by all that the bus knows, nobody can have handled it yet. Only a hint: the inbox decides. */
  readonly fresh?: boolean;
  /** Whether an operator asked for it, after the event was given up. */
  readonly replayed?: boolean;
  /** Where the bus keeps the event, when it does. */
  readonly place?: { readonly stream: string; readonly sequence: number };
}

/** What an `@OnEvent` handler gets. */
export interface ReceivedEvent<T> {
  readonly id: string;
  readonly type: string;
  /** The service that published it. */
  readonly source: string;
  /** When it happened. */
  readonly time: Date;
  readonly key?: string;
  readonly payload: T;
  /** 1 for the first delivery. */
  readonly attempt: number;
  /** The call that led to the event. */
  readonly requestId?: string;
}

/** What was delivered is no event that this service understands; trying again will not change that. */
export class UnreadableEvent extends Error {
  constructor(reason: string, options?: { cause: unknown }) {
    super(`unreadable event: ${reason}`, options);
    this.name = 'UnreadableEvent';
  }
}

/** What of a call goes on with the events it leads to. */
const CONTEXT = Object.keys(CONTEXT_METADATA) as (keyof typeof CONTEXT_METADATA)[];

const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** A new event that says `payload`, caused by the current call if there is one. `source` is the service's name. */
export function newEvent<T>(
  codec: MessageCodec<T>,
  payload: object,
  { source, key, now = new Date() }: { source: string; key?: string; now?: Date },
): PublishedEvent {
  const id = newId();
  const call = callContext();
  const span = call?.span?.child(`create ${codec.$type}`, 'producer', messagingAttributes('create', codec.$type, id));
  const headers: Record<string, string> = {
    'ce-specversion': '1.0',
    'ce-id': id,
    'ce-type': codec.$type,
    'ce-source': encodeHeader(source),
    'ce-time': now.toISOString(),
    'ce-datacontenttype': 'application/protobuf',
    'content-type': 'application/protobuf',
  };
  if (key !== undefined) headers['ce-partitionkey'] = encodeHeader(key);
  if (call) {
    for (const property of CONTEXT) {
      const value = call[property];
      if (value) headers[CONTEXT_METADATA[property]] = encodeHeader(value);
    }
  }
  if (span) {
    headers[CONTEXT_METADATA.traceparent] = span.traceparent;
    span.end();
  }
  return { id, type: codec.$type, key, headers, payload: codec.encode(codec.fromPartial(payload)).finish() };
}

/**
 * The event that arrived with these headers, which may be anybody's: header names in any case, attributes missing. One
 * that does not say when it happened did so when it was stored.
 */
export function eventFromWire(
  type: string,
  received: Iterable<readonly [string, string]>,
  payload: Uint8Array,
  storedAt?: Date,
): PublishedEvent {
  const headers: Record<string, string> = {};
  for (const [name, value] of received) headers[name.toLowerCase()] = value;
  if (storedAt) headers['ce-time'] ??= storedAt.toISOString();
  const key = headers['ce-partitionkey'];
  return { id: headers['ce-id'] ?? '', type, key: key && decodeHeader(key), headers, payload };
}

/**
 * The UUID that the inbox knows an event by: its id, or one made of its source and its id, which CloudEvents has unique
 * together, when others gave it an id of another kind.
 */
export function inboxId({ id, headers }: PublishedEvent): string {
  if (UUID.test(id)) return id;
  const source = headers['ce-source'] ?? '';
  return createHash('sha256').update(`${source} ${id}`).digest('hex').slice(0, 32);
}

/** What the delivery says to a handler of `codec`'s type. @throws {UnreadableEvent} */
export function receivedEvent<T>(codec: MessageCodec<T>, { event, attempt }: Delivery): ReceivedEvent<T> {
  const { headers, id, key } = event;
  if (headers['ce-specversion'] !== '1.0') throw new UnreadableEvent('its ce-specversion is not 1.0');
  if (id === '') throw new UnreadableEvent('it has no ce-id');
  const type = headers['ce-type'];
  if (type !== codec.$type) throw new UnreadableEvent(`its ce-type is "${type}", expected "${codec.$type}"`);
  const requestId = headers['x-request-id'];
  return {
    id,
    type,
    source: decodeHeader(headers['ce-source'] ?? ''),
    time: timeOf(headers['ce-time']),
    key,
    payload: decode(codec, event.payload),
    attempt,
    requestId: requestId && decodeHeader(requestId),
  };
}

function timeOf(text = ''): Date {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new UnreadableEvent(`its ce-time is no time, got "${text}"`);
  return time;
}

function decode<T>(codec: MessageCodec<T>, payload: Uint8Array): T {
  try {
    return codec.decode(payload);
  } catch (error) {
    throw new UnreadableEvent(`its payload is no ${codec.$type}`, { cause: error });
  }
}
