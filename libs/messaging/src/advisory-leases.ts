import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlConnection } from '@rookery/database';
import type { Held, Leases } from './leases.js';
import { SET, WATCHED } from './watched-session.js';

/** Every Rookery service agrees on it; the second half of the lock's key says which lease. */
const LEASES = 7_665;
/** How soon another replica takes over, at most, once the lock is free. */
const POLL = 1_000;
/** How often a session with a lease says something, which it has to every three seconds. */
const BEAT = 1_000;

/**
 * Leases as advisory locks of the service's database, which handlers of events need anyway: the lock of a killed replica
 * is free as soon as PostgreSQL sees its connection closed, that of a frozen one after three seconds. Two names of one hash share a lock; since every replica asks
 * for every lease, that costs no more than both being held by the same one.
 */
export class AdvisoryLeases implements Leases {
  private beating = false;

  constructor(private readonly control: ControlConnection) {}

  async hold(name: string, signal: AbortSignal): Promise<Held> {
    for (;;) {
      signal.throwIfAborted();
      const lost = new AbortController();
      const unlisten = this.control.onChange({ lost: () => lost.abort() });
      if (await this.tryLock(name)) {
        const release = async () => {
          unlisten();
          if (!lost.signal.aborted) await this.unlock(name);
        };
        void this.beat();
        if (!signal.aborted) return { lost: lost.signal, release };
        await release();
      } else unlisten();
      await sleep(POLL, undefined, { signal });
    }
  }

  /**
   * From the first lease of a session on, for as long as that lives. Each time it says anew that the session is watched:
   * the relay has the same one, and stops watching it when it gives its own lock back.
   */
  private async beat(): Promise<void> {
    if (this.beating) return;
    this.beating = true;
    try {
      for (;;) {
        await this.control.query(SET, [WATCHED.map(([name]) => name), WATCHED.map(([, whileHeld]) => whileHeld)]);
        await sleep(BEAT, undefined, { ref: false });
      }
    } catch {
      // The session is lost. The next lease is of another one.
      this.beating = false;
    }
  }

  private async tryLock(name: string): Promise<boolean> {
    try {
      const [row] = await this.control.query<{ held: boolean }>(
        'SELECT pg_try_advisory_lock($1, hashtext($2)) AS held',
        [LEASES, name],
      );
      return row?.held === true;
    } catch {
      // The control connection says itself that it is lost; the lock went with it.
      return false;
    }
  }

  private async unlock(name: string): Promise<void> {
    await this.control.query('SELECT pg_advisory_unlock($1, hashtext($2))', [LEASES, name]).catch(() => undefined);
  }
}
