import { setTimeout as sleep } from 'node:timers/promises';

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000 } as const;
const RATE = /^(\d+(?:\.\d+)?)\/(s|m|h)$/;

/** Milliseconds by which timers are late: above some hundred a second several begin at once instead of ever fewer. */
const CATCH_UP = 5;

/** `100/s`, `30/m`, `1000/h`. */
export type Rate = `${number}/${keyof typeof UNITS}`;

/** @returns milliseconds between two. @throws {TypeError} when it is no rate */
export function rateToInterval(rate: Rate): number {
  const [, count, unit] = RATE.exec(rate) ?? [];
  const interval = unit && UNITS[unit as keyof typeof UNITS] / Number(count);
  if (!interval || !Number.isFinite(interval)) throw new TypeError(`"${rate}" is no rate, such as 100/s, 30/m or 5/h`);
  return interval;
}

/** Lets work begin at even intervals: what protects another system must not come in bursts. */
export class RateLimit {
  private next = 0;

  /** @param interval milliseconds */
  constructor(
    private readonly interval: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Resolves when it is the caller's turn. @throws when `signal` aborts before */
  async turn(signal: AbortSignal): Promise<void> {
    const now = this.now();
    const at = Math.max(this.next, now - CATCH_UP);
    this.next = at + this.interval;
    if (at > now) await sleep(at - now, undefined, { signal });
  }
}
