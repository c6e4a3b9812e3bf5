/** Closed: calls are made. Open: they are not. Half-open: they are not, and the one probe is under way. */
export type BreakerState = 'closed' | 'open' | 'half-open';

export interface CircuitBreakerOptions {
  /** Asks whether what failed works again; rejects when it does not. Never called twice at a time. */
  probe: () => Promise<unknown>;
  /** Failures in a row that open it. Default: 1, which suits what is probed for next to nothing. */
  failures?: number;
  /** Milliseconds before the first probe, doubled after each that fails. Default: 50. */
  firstPause?: number;
  /** Milliseconds between two probes of what does not answer them, at most. Default: 1000. */
  longestPause?: number;
  /**
   * Milliseconds that it has to stay closed for the next opening to begin with `firstPause` again. What answers probes
   * and nothing else would open it over and over, and have calls pay for each; so an opening that comes sooner begins
   * with twice the pause of the one before. Default: 5000.
   */
  steadyAfter?: number;
  /** Milliseconds that this comes to, at most. Default: 30,000. */
  longestRest?: number;
  /** Told with the state before: `closed` when it opens, `half-open` when a probe has failed or succeeded. */
  onChange?: (state: BreakerState, reason: unknown, before: BreakerState) => void;
}

/**
 * Stops calls to something that fails, until it answers again. Unlike breakers whose half-open state lets a call
 * through, this one probes by itself: no call ever waits for something that is known to be broken.
 */
export class CircuitBreaker {
  private current: BreakerState = 'closed';
  private cause: unknown;
  private failuresInARow = 0;
  /** Milliseconds before the first probe of the next opening. */
  private rest: number;
  private pause = 0;
  /** While it is closed: until it is steady; while it is open: until it probes. */
  private timer: NodeJS.Timeout | undefined;
  private disposed = false;

  constructor(private readonly options: CircuitBreakerOptions) {
    this.rest = this.firstPause;
  }

  get state(): BreakerState {
    return this.current;
  }

  /** What opened it, or failed its last probe; undefined when it is closed. */
  get reason(): unknown {
    return this.cause;
  }

  get closed(): boolean {
    return this.current === 'closed';
  }

  succeeded(): void {
    this.failuresInARow = 0;
  }

  /** Of a call that was under way when it opened, it says nothing new. */
  failed(reason: unknown): void {
    if (!this.closed) return;
    this.failuresInARow += 1;
    if (this.failuresInARow >= (this.options.failures ?? 1)) this.open(reason, this.rest);
  }

  /** Ends the probing: what a probe that is under way finds out changes nothing any more. */
  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
  }

  private open(reason: unknown, pause: number): void {
    clearTimeout(this.timer);
    this.become('open', reason);
    if (this.disposed) return;
    this.pause = pause;
    this.timer = setTimeout(() => void this.tryAgain(), pause).unref();
  }

  private async tryAgain(): Promise<void> {
    this.become('half-open', this.cause);
    try {
      await this.options.probe();
    } catch (error) {
      const doubled = Math.min(this.pause * 2, this.options.longestPause ?? 1_000);
      if (!this.disposed) this.open(error, Math.max(doubled, this.rest));
      return;
    }
    if (this.disposed) return;
    this.failuresInARow = 0;
    this.rest = Math.min(this.rest * 2, this.options.longestRest ?? 30_000);
    this.timer = setTimeout(() => (this.rest = this.firstPause), this.options.steadyAfter ?? 5_000).unref();
    this.become('closed', undefined);
  }

  private become(state: BreakerState, reason: unknown): void {
    const before = this.current;
    this.current = state;
    this.cause = reason;
    this.options.onChange?.(state, reason, before);
  }

  private get firstPause(): number {
    return this.options.firstPause ?? 50;
  }
}
