/** Milliseconds; far longer than an INSERT takes between getting its position and showing up among the transactions. */
const GRACE = 10_000;

/** What one look at the outbox saw. */
export interface Sighting {
  /** The position of the first event in it; when it was empty, the next that will be given. */
  readonly first: number;
  /** The last position that was given. */
  readonly last: number;
  /** PostgreSQL's transaction ids: every one below has ended, none from here on had begun. */
  readonly allEndedBelow: bigint;
  readonly noneBegunFrom: bigint;
}

/**
 * Below which position the outbox stays empty, so that reading need not walk over the index entries of what was deleted
 * there; while somebody's long transaction keeps PostgreSQL from removing those, they become many. Positions are given
 * before the commit, so a gap may still be filled: it counts as empty only once every transaction that was running when
 * it was seen has ended.
 */
export class LowWaterMark {
  private mark = 0;
  private final = 0;
  private nearlyFinal = 0;
  private previous: { readonly last: number; readonly noneBegunFrom: bigint } | undefined;
  private candidate: { readonly last: number; readonly noneBegunFrom: bigint; readonly at: number } | undefined;

  /** Nothing is at this position or below. */
  get position(): number {
    return this.mark;
  }

  /** Nothing appears any more at this position or below: what is there can be seen. */
  get settled(): number {
    return this.final;
  }

  /** As `settled`, and higher: without the grace for an insert that has its position and no transaction id yet. */
  get likely(): number {
    return this.nearlyFinal;
  }

  observe({ first, last, allEndedBelow, noneBegunFrom }: Sighting, now: number): void {
    const { candidate } = this;
    if (candidate && now - candidate.at >= GRACE && allEndedBelow >= candidate.noneBegunFrom) {
      this.final = candidate.last;
      this.candidate = undefined;
    }
    // Nothing should ever appear below the mark. If it does, it must not be lost.
    this.mark = Math.min(this.final, first - 1);
    if (this.previous && allEndedBelow >= this.previous.noneBegunFrom) {
      this.nearlyFinal = this.previous.last;
      this.previous = undefined;
    }
    this.previous ??= { last, noneBegunFrom };
    this.candidate ??= { last, noneBegunFrom, at: now };
  }
}
