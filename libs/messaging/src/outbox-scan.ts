/** Positions that one look walks over while something is left out: bounds what a look costs. */
export const SPAN = 30_000;
/** A pass is followed by a rest of so many times its length, at most of LONGEST_REST milliseconds. */
const REST = 1;
const LONGEST_REST = 500;
/** Milliseconds between two passes that also look for what is next to impossible. */
const THOROUGH = 5_000;

/** Positions: those after the first, up to the second. */
export interface Range {
  readonly after: number;
  readonly upTo: number;
}

/** What the reader knows of the outbox, as `LowWaterMark` tells it. */
export interface Seen {
  /** Nothing is there up to this one. */
  readonly position: number;
  /** Nothing appears any more up to this one; and in all likelihood, up to that one. */
  readonly settled: number;
  readonly likely: number;
}

/**
 * Where to read next. While everything that is read is taken, that is from the beginning each time. While a key or a
 * type is left out, its events stay between those of others: then the outbox is read in passes from the beginning to
 * the end, a span at each look, and a pass leaves out what an earlier one has seen and where nothing appears any more.
 */
export class OutboxScan {
  private pass: { after: number; readonly known: Seen; readonly begun: number; readonly thorough: boolean } | undefined;
  /** Passes have seen all up to the first; thorough ones, up to the second. */
  private seen = 0;
  private sure = 0;
  private nextThorough = 0;
  private rewound = false;
  private rest = 0;

  /** Whether it is in the middle of a pass. */
  get reading(): boolean {
    return this.pass !== undefined;
  }

  /** @returns undefined while nothing is to be read */
  next(known: Seen, leavingOut: boolean, now: number): Range | undefined {
    if (!leavingOut) {
      this.pass = undefined;
      this.rewound = false;
      this.forget();
      this.rest = 0;
      return { after: known.position, upTo: Number.MAX_SAFE_INTEGER };
    }
    if (!this.pass && now < this.rest) return undefined;
    if (!this.pass) {
      const thorough = now >= this.nextThorough;
      const after = Math.max(known.position, thorough ? this.sure : this.seen);
      const { position, settled, likely } = known;
      this.pass = { after, known: { position, settled, likely }, begun: now, thorough };
    }
    return { after: this.pass.after, upTo: this.pass.after + SPAN };
  }

  /** Everything up to `position` was read, of an outbox that ends at `last`. */
  advance(position: number, last: number, now: number): void {
    const { pass } = this;
    if (!pass) return;
    pass.after = position;
    if (position < last) return;
    this.pass = undefined;
    this.rest = now + Math.min(LONGEST_REST, REST * (now - pass.begun));
    if (this.rewound) return this.rewind();
    this.seen = pass.known.likely;
    if (!pass.thorough) return;
    this.sure = pass.known.settled;
    this.nextThorough = now + THOROUGH;
  }

  /** The next pass reads everything again: something is not left out any more. */
  rewind(): void {
    this.rewound = this.reading;
    this.forget();
  }

  /** Milliseconds until there is something to be read. */
  restFor(now: number): number {
    return Math.max(0, this.rest - now);
  }

  private forget(): void {
    this.seen = this.sure = this.nextThorough = 0;
  }
}
