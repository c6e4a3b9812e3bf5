import { setTimeout as sleep } from 'node:timers/promises';
import type { Kill } from './kill-schedule.js';

/** A victim that has not started for so many milliseconds will not. */
const GIVE_UP = 120_000;

/** What can be killed and started again. */
export interface Victim {
  kill(): Promise<unknown>;
  start(): Promise<unknown>;
}

/**
 * Carries out a schedule. Victims go and come independently of each other; one that has not come back when its next
 * turn comes is killed as soon as it has.
 */
export class Supervisor {
  /** How often each victim was killed. */
  readonly kills = new Map<string, number>();
  /** How often a victim had to be started once more: what it needs was killed while it started. */
  restarts = 0;

  constructor(private readonly victims: ReadonlyMap<string, Victim>) {}

  /** Resolves when the last victim is back. @throws when one did not start, after the others are back @param onKill told before each */
  async carryOut(schedule: readonly Kill[], onKill: (victim: string) => Promise<void>): Promise<void> {
    const startedAt = Date.now();
    const turns = new Map<string, Promise<void>>();
    for (const { victim, at, away } of schedule) {
      await sleep(Math.max(0, startedAt + at - Date.now()));
      const turn = async (before: Promise<void> | undefined) => {
        await before;
        await onKill(victim);
        await this.victims.get(victim)!.kill();
        this.kills.set(victim, (this.kills.get(victim) ?? 0) + 1);
        await sleep(away);
        await this.start(victim);
      };
      const next = turn(turns.get(victim));
      next.catch(() => undefined); // told below
      turns.set(victim, next);
    }
    const ends = await Promise.allSettled(turns.values());
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  /** As Kubernetes does with a container that ends, or does not get through its startup probe. */
  private async start(victim: string): Promise<void> {
    const giveUpAt = Date.now() + GIVE_UP;
    for (;;) {
      try {
        await this.victims.get(victim)!.start();
        return;
      } catch (error) {
        if (Date.now() > giveUpAt) throw error;
        this.restarts += 1;
      }
    }
  }
}
