import { HeldKeys } from './held-keys.js';
import type { LeftEvent, QueuedEvent } from './outbox-queue.js';

/** After so long a type that is left out is read again, whatever has become of those that stayed. */
const LONGEST_SUSPENSION = 10_000;

/** Of a type that is left out. */
interface Suspension {
  readonly until: number;
  /** Whether the bus has taken one of its events since. */
  taken: boolean;
  /** Lanes that were let go and whose last attempt is not over: the bus may still take what they tried. */
  leaving: number;
}

/**
 * Types of which too many events are refused: those that wait are left in the outbox, and with them whatever has their
 * keys, until the bus takes one of the type, or for some seconds.
 */
export class SuspendedTypes {
  private readonly suspensions = new Map<string, Suspension>();
  /** Those of which something is left out. */
  private readonly held = new HeldKeys();

  /** @param onResumable called when a type may be read again */
  constructor(private readonly onResumable: () => void) {}

  get types(): string[] {
    return [...this.suspensions.keys()];
  }

  /** Whether something of the key is left out; of other keys too, in rare cases. */
  holds(key: string): boolean {
    return this.held.has(key);
  }

  /** Whether an event stays in the outbox for now. What has its key stays there as well from then on. */
  leavesOut(row: QueuedEvent | LeftEvent): boolean {
    const suspended = !('payload' in row) || this.suspensions.has(row.type);
    if (!suspended && (row.key === undefined || !this.held.has(row.key))) return false;
    if (row.key !== undefined) this.held.add(row.key);
    return true;
  }

  /** Leaves a type out. @returns what is called with the key and the last attempt of each lane that goes */
  suspend(type: string, now: number): (key: string | undefined, last: Promise<void>) => void {
    const suspension: Suspension = { until: now + LONGEST_SUSPENSION, taken: false, leaving: 0 };
    this.suspensions.set(type, suspension);
    return (key, last) => {
      if (key !== undefined) this.held.add(key);
      suspension.leaving++;
      void last.then(() => {
        suspension.leaving--;
        if (suspension.taken && suspension.leaving === 0) this.onResumable();
      });
    };
  }

  /** The bus has taken an event of the type. */
  took(type: string): void {
    const suspension = this.suspensions.get(type);
    if (!suspension || suspension.taken) return;
    suspension.taken = true;
    this.onResumable();
  }

  /**
   * Leaves out no more what the bus takes again, or may take by now; when it is known which of those that were let go the
   * bus has taken, so that few are sent twice. @returns whether there was any: then all has to be read again
   */
  resume(now: number): boolean {
    const due = ({ until, taken, leaving }: Suspension) => now >= until || (taken && leaving === 0);
    const resumed = [...this.suspensions].filter(([, suspension]) => due(suspension));
    for (const [type] of resumed) this.suspensions.delete(type);
    if (resumed.length > 0) this.held.clear();
    return resumed.length > 0;
  }
}
