import { DeadlineExceeded, type RookeryError } from '@rookery/errors';
import type { ServerCall } from './server-call.js';

/**
 * The calls of a server that have not ended. It ends those without a deadline of their own when the default one has
 * passed: they all get the same time, so the oldest is due first and one timer is enough for all of them.
 */
export class RunningCalls {
  private readonly calls = new Set<ServerCall>();
  private readonly expiring = new Set<ServerCall>();
  private timer: NodeJS.Timeout | undefined;

  add(call: ServerCall): void {
    this.calls.add(call);
  }

  /** Ends `call` at its deadline, which is later than those of all before it. */
  expire(call: ServerCall): void {
    this.expiring.add(call);
    this.timer ??= this.wakeFor(call);
  }

  delete(call: ServerCall): void {
    this.calls.delete(call);
    this.expiring.delete(call);
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
