/** Calls in parallel until they are stopped; counts how they ended. */
export class Traffic {
  /** How many calls ended with each status; `0` stands for no answer at all. */
  readonly statuses = new Map<number, number>();
  /** Milliseconds of the slowest call. */
  slowest = 0;
  private stopped = false;
  private readonly workers: Promise<void>[];

  /** @param call makes one call and gives its status */
  constructor(call: () => Promise<number>, workers = 8) {
    this.workers = Array.from({ length: workers }, () => this.work(call));
  }

  get total(): number {
    return [...this.statuses.values()].reduce((sum, count) => sum + count, 0);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.workers);
  }

  private async work(call: () => Promise<number>): Promise<void> {
    while (!this.stopped) {
      const startedAt = performance.now();
      const status = await call().catch(() => 0);
      this.slowest = Math.max(this.slowest, performance.now() - startedAt);
      this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    }
  }
}
