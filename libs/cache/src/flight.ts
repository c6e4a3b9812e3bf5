import { callContext, contextLike, runWithContext } from '@rookery/context';
import { requestIdFrom } from '@rookery/observability';

/**
 * A load that any number of callers wait for. It belongs to none of them: it runs in a context of its own, so that a
 * caller that leaves does not end it for the others, and it is told to end when the last of them has left.
 *
 * That context has no deadline. It would be passed on (to other services, to the database) when the load asks them, and
 * whoever joins later may have more time. What bounds the load is that every caller leaves at its own deadline.
 */
export class Flight<T> {
  private readonly landed: Promise<T>;
  private readonly ending = new AbortController();
  /** What goes on after its value is there: storing it. */
  storing: unknown;
  private waiting = 0;
  private over = false;

  /** @param versions what it loads under: only who has read the same versions may join */
  constructor(
    public versions: string,
    load: (flight: Flight<T>) => Promise<T>,
  ) {
    const { signal } = this.ending;
    const call = callContext();
    // Outside of a call too: the load must not become part of the transaction that it is asked for in.
    const context = call
      ? contextLike(call, { deadline: undefined, signal })
      : { requestId: requestIdFrom(undefined), signal };
    this.landed = runWithContext(context, load, this);
    this.onLanded(() => (this.over = true));
  }

  /** Aborts when nobody waits any more. */
  get signal(): AbortSignal {
    return this.ending.signal;
  }

  /** Whether all callers have left. Whoever comes now needs a load of their own. */
  get abandoned(): boolean {
    return this.ending.signal.aborted;
  }

  /** Calls `done` when it has ended, however. */
  onLanded(done: () => void): void {
    this.landed.then(done, done);
  }

  /** Keeps it going for somebody, until they call what this gives back. */
  hold(): (reason?: unknown) => void {
    this.waiting += 1;
    return (reason) => {
      this.waiting -= 1;
      if (this.waiting === 0 && !this.over) this.ending.abort(reason);
    };
  }

  /** What the load answers, or rejects with the reason of `signal` when that aborts first. */
  join(signal: AbortSignal | undefined): Promise<T> {
    const letGo = this.hold();
    if (!signal) return this.landed;
    return new Promise<T>((resolve, reject) => {
      const leave = () => {
        reject(signal.reason);
        letGo(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      this.onLanded(() => signal.removeEventListener('abort', leave));
      this.landed.then(resolve, reject);
    });
  }
}
