/** Beyond these the oldest is forgotten: its event is tried more often than it should be, which harms nobody. */
const MOST = 10_000;

/**
 * How often handlers failed with which events, in this replica. How often an event was delivered says something else:
 * outages count there, and every stop of a replica that gave it back.
 */
export class FailureCounts {
  private readonly counts = new Map<string, number>();

  /** One more. @returns how many it makes */
  add(id: string): number {
    const count = (this.counts.get(id) ?? 0) + 1;
    // The last to fail is the last to be forgotten.
    this.counts.delete(id);
    this.counts.set(id, count);
    for (const oldest of this.counts.keys()) {
      if (this.counts.size <= MOST) break;
      this.counts.delete(oldest);
    }
    return count;
  }

  forget(id: string): void {
    this.counts.delete(id);
  }
}
