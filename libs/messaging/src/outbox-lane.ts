import type { QueuedEvent } from './outbox-queue.js';

/** Milliseconds after which an attempt that the bus has not answered counts as stuck. */
const OVERDUE = 1_000;

/** Events that are published one after the other: those of a key, or a single one without a key. */
export interface Lane {
  readonly name: string;
  readonly key: string | undefined;
  /** The first is being published. */
  readonly waiting: QueuedEvent[];
  /** Of their payloads. */
  bytes: number;
  /** Set when the outbox has more of its key than it could take: the position after which that is. */
  more: number | undefined;
  /** Whether somebody works on it. */
  running: boolean;
  /** When the first event was tried for the first time. */
  since: number;
  /** Whether the bus has refused the first event, and not taken it since. */
  refused: boolean;
  /** Aborts what is being published. */
  readonly ending: AbortController;
}

/** What the lanes of one type may hold that do not get on. */
export interface Allowance {
  readonly events: number;
  readonly bytes: number;
}

/**
 * The lanes that have to go for others to be published, by the type of the event that does not get on: of each type that
 * has more of them than its part of the allowance, all but the oldest, which go on trying.
 */
export function surplus(lanes: Iterable<Lane>, allowance: Allowance, now: number): Map<string, Lane[]> {
  const stuck = new Map<string, Lane[]>();
  for (const lane of lanes) {
    const [first] = lane.waiting;
    if (!first || !(lane.refused || now - lane.since > OVERDUE)) continue;
    const others = stuck.get(first.type);
    if (others) others.push(lane);
    else stuck.set(first.type, [lane]);
  }
  const result = new Map<string, Lane[]>();
  for (const [type, ofType] of stuck) {
    let { events, bytes } = allowance;
    const going = ofType.filter((lane, index) => {
      events -= stuck.size;
      bytes -= stuck.size * lane.bytes;
      return index > 0 && (events < 0 || bytes < 0);
    });
    if (going.length > 0) result.set(type, going);
  }
  return result;
}
