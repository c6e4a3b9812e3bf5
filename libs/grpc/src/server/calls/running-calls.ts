import { DeadlineExceeded, type RookeryError } from '@rookery/errors';
import type { ServerCall } from './server-call.js';

/** A client has this long, and at most twice as long, in milliseconds, to take the status of its call. */
const SWEEP_EVERY = 5_000;

/**
 * The calls of a server whose streams are open. It ends those without a deadline of their own when the default one has
 * passed: they all get the same time, so the oldest is due first and one timer is enough for all of them.
 */
export class RunningCalls {
  private readonly calls = new Set<ServerCall>();
  private readonly expiring = new Set<ServerCall>();
  private sweeper: NodeJS.Timeout | undefined;
  private timer: NodeJS.Timeout | undefined;

  add(call: ServerCall): void {
    this.calls.add(call);
  }

  /** Ends `call` at its deadline, which is later than those of all before it. */
  expire(call: ServerCall): void {
    this.expiring.add(call);
    this.timer ??= this.wakeFor(call);
  }

  /** The status of `call` is on its way. */
  ended(call: ServerCall): void {
    this.expiring.delete(call);
    this.sweeper ??= setTimeout(() => this.sweep(), SWEEP_EVERY).unref();
  }

  /** The stream of `call` is closed. */
  delete(call: ServerCall): void {
    this.calls.delete(call);
    this.expiring.delete(call);
  }

  /** Closes the streams of calls that had ended when this was called before: their clients do not read, or do not end. */
  sweep(): void {
    this.sweeper = undefined;
    for (const call of this.calls) call.sweep();
    if (this.calls.size > 0) this.sweeper = setTimeout(() => this.sweep(), SWEEP_EVERY).unref();
  }

  /** Ends all calls that `which` picks, with `reason`. */
  stop(reason: RookeryError, which: (call: ServerCall) => boolean = () => true): void {
    for (const call of this.calls) if (which(call)) call.stop(reason);
  }

  private wakeFor({ deadline }: ServerCall): NodeJS.Timeout {
    return setTimeout(() => this.endExpired(), Math.max(1, deadline! - Date.now())).unref();
  }

  private endExpired(): void {
    this.timer = undefined;
    const now = Date.now();
    for (const call of this.expiring) {
      if (call.deadline! > now) {
        this.timer = this.wakeFor(call);
        return;
      }
      call.stop(new DeadlineExceeded('the call took longer than this server allows one without a deadline'));
    }
  }
}
