import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlConnection } from '@rookery/database';

/** The channel on which the relay is woken when it runs in another replica. */
export const OUTBOX_CHANNEL = 'outbox';

/** Milliseconds between two notifications: whatever is committed meanwhile shares the next one. */
const PAUSE = 5;

/**
 * Tells the relay that something was committed. A NOTIFY in the transaction itself would do it too, but PostgreSQL lets
 * transactions that notify commit one after the other. So the relay of this replica is told without the database, and
 * that of another one by notifications that many commits share. One that gets lost costs a poll interval.
 */
export class OutboxWake {
  private local: (() => void) | undefined;
  private wanted = false;
  private sending: Promise<void> | undefined;

  constructor(private readonly control: ControlConnection) {}

  /** Has `wake` called instead of notifying, as long as this replica has the relay; undefined when it has not. */
  relayIsHere(wake: (() => void) | undefined): void {
    this.local = wake;
  }

  /** Returns at once and never throws. */
  readonly ring = (): void => {
    if (this.local) return this.local();
    this.wanted = true;
    this.sending ??= this.send().finally(() => (this.sending = undefined));
  };

  private async send(): Promise<void> {
    while (this.wanted) {
      this.wanted = false;
      try {
        await this.control.query(`SELECT pg_notify('${OUTBOX_CHANNEL}', '')`);
      } catch {
        return; // The database is away; the relay looks for itself.
      }
      await sleep(PAUSE, undefined, { ref: false });
    }
  }
}
