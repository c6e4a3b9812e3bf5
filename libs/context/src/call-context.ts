import { AsyncLocalStorage } from 'node:async_hooks';

/** What belongs to one call and follows it through every await: data and a signal, nothing else. */
export interface CallContext {
  /** Names the call in every log line of every service that it passes through. */
  readonly requestId: string;
  /** When the caller stops waiting, in milliseconds since the epoch. */
  readonly deadline?: number;
  /** Aborts when the caller cancels or the deadline passes. */
  readonly signal: AbortSignal;
  /** W3C trace context of the caller, as it came in. */
  readonly traceparent?: string;
}

const storage = new AsyncLocalStorage<CallContext>();

/** The context of the call being served, or undefined outside of one. */
export function callContext(): CallContext | undefined {
  return storage.getStore();
}

/** Runs `work` with `context` as the current call's. */
export function runWithContext<T>(context: CallContext, work: () => T): T {
  return storage.run(context, work);
}

/** Milliseconds until the current call's deadline, at least 0; undefined when there is no deadline. */
export function remainingTime(now: () => number = Date.now): number | undefined {
  const deadline = storage.getStore()?.deadline;
  return deadline === undefined ? undefined : Math.max(0, deadline - now());
}
