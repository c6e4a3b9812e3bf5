import { Subscriber, isObservable } from 'rxjs';
import type { ServerCall } from './server-call.js';

/** Whether `value` is a promise, whoever made it. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function';
}

/** Answers `call` with what its handler gave back: a message, a promise, or an Observable of the reply. */
export function replyOnce(call: ServerCall, result: unknown): void {
  if (isThenable(result)) {
    result.then(
      (value) => replyOnce(call, value),
      (error: unknown) => call.recover(error),
    );
  } else if (isObservable(result)) {
    result.subscribe(new FirstReply(call));
  } else {
    call.reply(result);
  }
}

/**
 * Takes the first value of an Observable as the reply. The Observable may go on to its completion, as interceptors
 * expect; the end of the call unsubscribes it only when there is no reply yet. One object for each call, where
 * `subscribe({ next, error, complete })` makes five.
 */
class FirstReply extends Subscriber<unknown> {
  private replied = false;

  constructor(private readonly call: ServerCall) {
    super();
    call.atClose(this);
    call.onEnd(() => {
      if (!this.replied) this.unsubscribe();
    });
  }

  protected override _next(value: unknown): void {
    if (this.replied) return;
    this.replied = true;
    this.call.reply(value);
  }

  protected override _error(error: unknown): void {
    this.call.recover(error);
    this.unsubscribe();
  }

  protected override _complete(): void {
    if (!this.replied) {
      this.replied = true;
      this.call.reply(undefined);
    }
    this.unsubscribe();
  }
}
