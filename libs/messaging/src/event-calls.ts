import { setMaxListeners } from 'node:events';
import { type CallContext, runWithContext } from '@rookery/context';
import { DeadlineExceeded, Unavailable } from '@rookery/errors';
import { CONTEXT_METADATA } from '@rookery/grpc';
import type { Tracer } from '@rookery/observability';
import { contextFrom } from './core/message-headers.js';
import type { PublishedEvent } from './event.js';
import { decodeHeader } from './header-value.js';
import { messagingAttributes } from './messaging-attributes.js';

/**
 * The calls that handlers of events are in, as handlers of RPCs are: with the request id, the trace, the principal and the
 * tenant of what led to the event, a deadline, and a signal. So what a handler does in the database or asks of other
 * services is bounded.
 */
export class EventCalls {
  private readonly running = new Set<AbortController>();

  constructor(private readonly tracer: Tracer) {}

  /**
   * Runs `work` in a call of its own, which its deadline or the stop of the service ends: `signal` is the call's.
   * @param timeout milliseconds that it may take
   */
  async run<T>(
    { headers, type, id }: PublishedEvent,
    timeout: number,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const ending = new AbortController();
    // However many queries and calls a handler runs side by side, each of them listens.
    setMaxListeners(0, ending.signal);
    const late = () => ending.abort(new DeadlineExceeded(`the handler of ${type} took longer than ${timeout} ms`));
    const timer = setTimeout(late, timeout);
    const caller = contextFrom(decoded(headers));
    const attributes = messagingAttributes('process', type, id);
    const context: CallContext = {
      ...caller,
      ...this.tracer.begin(`process ${type}`, 'consumer', caller, attributes),
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

function decoded(headers: PublishedEvent['headers']): Record<string, string | undefined> {
  const entries = Object.values(CONTEXT_METADATA).map((name) => [name, headers[name] && decodeHeader(headers[name])]);
  return Object.fromEntries(entries) as Record<string, string | undefined>;
}
