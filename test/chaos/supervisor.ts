import { setTimeout as sleep } from 'node:timers/promises';
import type { Kill } from './kill-schedule.js';

/** A victim that has not started for so many milliseconds will not. */
const GIVE_UP = 120_000;

/**
 * So many victims are away at once, at most. With more of them hardly anything is done that a kill could break: callers
 * only repeat themselves, and all of them at once when the last victim is back.
 */
const MOST_AWAY = 3;

/** What can be killed and started again. */
export interface Victim {
  kill(): Promise<unknown>;
  start(): Promise<unknown>;
}

/**
 * Carries out a schedule. Victims go and come independently of each other; a kill that is due waits until its victim is
 * back and few enough are away, so that what is out at once does not hang on how long the machine takes to start a process.
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
    const absences = new Map<string, Promise<void>>();
    const absence = async (victim: string, milliseconds: number) => {
      await onKill(victim);
      await this.victims.get(victim)!.kill();
      this.kills.set(victim, (this.kills.get(victim) ?? 0) + 1);
      await sleep(milliseconds);
      await this.start(victim);
      absences.delete(victim);
    };
    try {
      for (const { victim, at, away } of schedule) {
        await sleep(Math.max(0, startedAt + at - Date.now()));
        await absences.get(victim);
        while (absences.size >= MOST_AWAY) await Promise.race(absences.values());
        const next = absence(victim, away);
        next.catch(() => undefined); // told below
        absences.set(victim, next);
      }
      await Promise.all(absences.values());
    } finally {
      await Promise.allSettled(absences.values());
    }
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
