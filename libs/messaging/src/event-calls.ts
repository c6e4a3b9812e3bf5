import { type CallContext, runWithContext } from '@rookery/context';
import { DeadlineExceeded, Unavailable } from '@rookery/errors';
import { requestIdFrom, traceparentFrom } from '@rookery/observability';
import type { PublishedEvent } from './event.js';

/**
 * The calls that handlers of events are in, as handlers of RPCs are: with the request id and the trace of what led to
 * the event, a deadline, and a signal. So what a handler does in the database or asks of other services is bounded.
 */
export class EventCalls {
  private readonly running = new Set<AbortController>();

  /** @param timeout milliseconds that a handler may take */
  constructor(private readonly timeout: number) {}

  /** Runs `work` in a call of its own, which its deadline or the stop of the service ends: `signal` is the call's. */
  async run<T>({ headers, type }: PublishedEvent, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const ending = new AbortController();
    const { timeout } = this;
    const late = () => ending.abort(new DeadlineExceeded(`the handler of ${type} took longer than ${timeout} ms`));
    const timer = setTimeout(late, timeout);
    const context: CallContext = {
      requestId: requestIdFrom(headers['x-request-id']),
      traceparent: traceparentFrom(headers.traceparent),
      deadline: Date.now() + timeout,
      signal: ending.signal,
    };
    this.running.add(ending);
    try {
      return await runWithContext(context, work, ending.signal);
    } finally {
      clearTimeout(timer);
      this.running.delete(ending);
    }
  }

  /** Ends those that still run. It is no failure of theirs: their events are delivered again, however often. */
  endAll(): void {
    const reason = new Unavailable('the service stops; the event will be delivered again', { reason: 'SHUTTING_DOWN' });
    for (const ending of this.running) ending.abort(reason);
  }
}
