import type { Bell } from './bell.js';
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
  /** Set while somebody works on it; never rejects. */
  work: Promise<void> | undefined;
  /** When the first event was tried for the first time. */
  since: number;
  /** How often the bus has refused the first event. */
  failures: number;
  /** Ends the pause before its next attempt. */
  readonly bell: Bell;
  /** Aborts what is being published. */
  readonly ending: AbortController;
}

/** What the lanes of one type may hold that do not get on. */
export interface Allowance {
  readonly events: number;
  readonly bytes: number;
}

/** Whether the bus does not take its first event. */
export function isStuck({ waiting, failures, since }: Lane, now: number): boolean {
  return waiting.length > 0 && (failures > 0 || now - since > OVERDUE);
}

/**
 * Those of the stuck lanes that have to go for others to be published, by the type of their first event: of each type
 * that has more of them than its part of the allowance, all but those that were refused least often, which go on trying.
 */
export function surplus(stuck: Iterable<Lane>, allowance: Allowance): Map<string, Lane[]> {
  const types = new Map<string, Lane[]>();
  for (const lane of stuck) {
    const { type } = lane.waiting[0]!;
    const others = types.get(type);
    if (others) others.push(lane);
    else types.set(type, [lane]);
  }
  const result = new Map<string, Lane[]>();
  for (const [type, lanes] of types) {
    let { events, bytes } = allowance;
    const going = lanes
      .toSorted((one, other) => one.failures - other.failures)
      .filter((lane, index) => {
        events -= types.size * lane.waiting.length;
        bytes -= types.size * lane.bytes;
        return index > 0 && (events < 0 || bytes < 0);
      });
    if (going.length > 0) result.set(type, going);
  }
  return result;
}
