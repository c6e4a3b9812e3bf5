/** Lets so many pieces of work run at once; the others wait their turn, in order. */
export class ConcurrencyGate {
  private running = 0;
  private readonly queue = new Set<() => void>();

  constructor(private readonly limit: number) {}

  get waiting(): number {
    return this.queue.size;
  }

  /** Whether work that comes now has to wait. */
  get full(): boolean {
    return this.running >= this.limit;
  }

  /** Runs `work` when there is room. Rejects with the reason of `signal` when that aborts before its turn. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.full) await this.turn(signal);
    else this.running += 1;
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  /** Whoever leaves hands its place over, so that nobody who comes later gets in between. */
  private leave(): void {
    const [next] = this.queue;
    if (next) next();
    else this.running -= 1;
  }

  private turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = () => {
        this.queue.delete(enter);
        signal?.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = () => {
        this.queue.delete(enter);
        reject(signal!.reason);
      };
      this.queue.add(enter);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }
}
