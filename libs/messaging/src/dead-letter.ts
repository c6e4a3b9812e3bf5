import type { Delivery } from './event.js';
import { decodeHeader, encodeHeader } from './header-value.js';
import type { Settlement } from './settlement.js';

/** Texts longer than these are cut: NATS takes 1 MiB with the payload, and encoding can make a text three times as long. */
const LONGEST = { reason: 1_000, stack: 4_000 };

/** An event that a service gave up, and why. */
export interface DeadLetter {
  /** Its place in the stream of dead letters; names it for the operator. */
  readonly sequence: number;
  /** The service that gave it up. */
  readonly service: string;
  readonly type: string;
  /** The event's id. */
  readonly id: string;
  readonly attempts: number;
  readonly time: string;
  readonly reason: string;
  /** The code of the error, or its name. */
  readonly code?: string;
  readonly stack?: string;
  /** Where its payload is, when the letter could not hold it: `message 17 of order_v1`. */
  readonly payloadIn?: string;
  /** The event's own, as they came. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A letter as it is stored. */
interface Form {
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
}

/** What the letter gets besides: its id, which NATS reads, and the frame of the headers. */
const FRAME = 80;

/**
 * The event as it came, with what went wrong in `dead-*` headers; an event may be as large as NATS takes it, and then there
 * is no room for that. @returns as much of it as `room` bytes hold: all, without the stack, or without the payload, which
 * stays where it is
 */
export function deadLetterForm(service: string, delivery: Delivery, dead: Settlement & { kind: 'dead' }, room: number) {
  const { event, attempt, place } = delivery;
  const headers = { ...event.headers, ...deadLetterHeaders(service, attempt, dead) };
  const whole: Form = { headers, payload: event.payload };
  if (sizeOf(whole) <= room) return whole;
  const { 'dead-stack': _, ...others } = headers;
  const withoutStack: Form = { headers: others, payload: event.payload };
  if (!place || sizeOf(withoutStack) <= room) return withoutStack;
  const where = encodeHeader(`message ${place.sequence} of ${place.stream}`);
  return { headers: { ...headers, 'dead-payload-in': where }, payload: new Uint8Array() };
}

function sizeOf({ headers, payload }: Form): number {
  const lines = Object.entries(headers).map(([name, value]) => Buffer.byteLength(`${name}: ${value}\r\n`));
  return lines.reduce((sum, size) => sum + size, FRAME + payload.length);
}

/** The place that `payloadIn` names. */
export function placeOf(payloadIn: string): { stream: string; sequence: number } | undefined {
  const [, sequence, stream] = /^message (\d+) of (\S+)$/.exec(payloadIn) ?? [];
  return stream ? { stream, sequence: Number(sequence) } : undefined;
}

/** What is added to the headers of an event when `service` gives it up. */
function deadLetterHeaders(
  service: string,
  attempts: number,
  { reason, code, stack }: Settlement & { kind: 'dead' },
  now: Date = new Date(),
): Record<string, string> {
  return {
    'dead-service': encodeHeader(service),
    'dead-reason': encodeHeader(reason.slice(0, LONGEST.reason)),
    'dead-attempts': String(attempts),
    'dead-time': now.toISOString(),
    ...(code ? { 'dead-code': encodeHeader(code) } : {}),
    ...(stack ? { 'dead-stack': encodeHeader(stack.slice(0, LONGEST.stack)) } : {}),
  };
}

/** The dead letter that these headers, with names in lower case, tell of. */
export function deadLetterOf(sequence: number, type: string, all: Readonly<Record<string, string>>): DeadLetter {
  const of = (name: string) => all[name] && decodeHeader(all[name]);
  return {
    sequence,
    service: of('dead-service') ?? '',
    type,
    id: all['ce-id'] ?? '',
    attempts: Number(all['dead-attempts']),
    time: of('dead-time') ?? '',
    reason: of('dead-reason') ?? '',
    code: of('dead-code'),
    stack: of('dead-stack'),
    payloadIn: of('dead-payload-in'),
    headers: Object.fromEntries(Object.entries(all).filter(([name]) => !/^(dead|nats)-/.test(name))),
  };
}
