import { setTimeout as sleep } from 'node:timers/promises';

/** Callers with a pause after each call, so that the machine has room; keeps when each call began and how long it took. */
export class Latencies {
  readonly failures: unknown[] = [];
  private readonly calls: { at: number; took: number }[] = [];
  private stopped = false;
  private readonly workers: Promise<void>[];

  /** @param call makes one call @param options.pause milliseconds */
  constructor(call: () => Promise<unknown>, { callers, pause }: { callers: number; pause: number }) {
    this.workers = Array.from({ length: callers }, () => this.work(call, pause));
  }

  /** The 99th percentile, in milliseconds, of the calls that began in this time (`Date.now()`). @throws when there are too few */
  p99({ from, to }: { from: number; to: number }): number {
    const took = this.calls
      .flatMap((call) => (call.at >= from && call.at < to ? call.took : []))
      .toSorted((a, b) => a - b);
    if (took.length < 100) throw new Error(`${took.length} calls are too few for a 99th percentile`);
    return took[Math.floor(took.length * 0.99)]!;
  }

  /** Milliseconds of the slowest call that was under way in this time. */
  slowest({ from, to }: { from: number; to: number }): number {
    return Math.max(...this.calls.flatMap(({ at, took }) => (at + took >= from && at < to ? took : [])));
  }

  /** How many calls have begun since then. */
  since(from: number): number {
    return this.calls.filter(({ at }) => at >= from).length;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.workers);
  }

  private async work(call: () => Promise<unknown>, pause: number): Promise<void> {
    while (!this.stopped) {
      const [at, startedAt] = [Date.now(), performance.now()];
      await call().catch((error: unknown) => this.failures.push(error));
      this.calls.push({ at, took: performance.now() - startedAt });
      await sleep(pause);
    }
  }
}
