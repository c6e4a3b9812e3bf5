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
  /** The event's own, as they came. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What is added to the headers of an event when `service` gives it up. */
export function deadLetterHeaders(
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
    headers: Object.fromEntries(Object.entries(all).filter(([name]) => !/^(dead|nats)-/.test(name))),
  };
}
