import type { Tries } from './settlement.js';

/** Beyond these the oldest is forgotten: its event is tried more often than it should be, which harms nobody. */
const MOST = 10_000;

/**
 * How often handlers were tried with which events, in this replica, and how often that was the event's fault. How often an
 * event was delivered says something else: every replica counts there that gave it back, begun or not.
 */
export class FailureCounts {
  private readonly counts = new Map<string, Required<Tries>>();

  /** One more. @param isOutage whether something that the handler needs was away @returns how many it makes */
  add(id: string, isOutage = false): Required<Tries> {
    const { attempt, failures } = this.counts.get(id) ?? { attempt: 0, failures: 0 };
    const tries = { attempt: attempt + 1, failures: failures + (isOutage ? 0 : 1) };
    // The last to fail is the last to be forgotten.
    this.counts.delete(id);
    this.counts.set(id, tries);
    for (const oldest of this.counts.keys()) {
      if (this.counts.size <= MOST) break;
      this.counts.delete(oldest);
    }
    return tries;
  }

  forget(id: string): void {
    this.counts.delete(id);
  }
}
