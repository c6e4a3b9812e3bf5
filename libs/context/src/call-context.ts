import { AsyncLocalStorage } from 'node:async_hooks';
import type { Span } from './span.js';

/** What belongs to one call and follows it through every await: data and a signal, nothing else. */
export interface CallContext {
  /** Names the call in every log line of every service that it passes through. */
  readonly requestId: string;
  /** When the caller stops waiting, in milliseconds since the epoch. */
  readonly deadline?: number;
  /** Aborts when the caller cancels, the deadline passes or the server stops; its reason is the error of the catalogue. */
  readonly signal: AbortSignal;
  /** W3C trace context: of the span when there is one, otherwise of the caller, as it came in. */
  readonly traceparent?: string;
  /** What tracing systems add to it. */
  readonly tracestate?: string;
  /** On whose behalf the call is made, as the caller or an authenticating guard says. */
  readonly principal?: string;
  /** The customer whose data the call is about, as the caller or an authenticating guard says. */
  readonly tenant?: string;
  /** The call in its trace; undefined while nobody records that. */
  readonly span?: Span;
}

const storage = new AsyncLocalStorage<CallContext>();

/** The context of the call being served, or undefined outside of one. */
export function callContext(): CallContext | undefined {
  return storage.getStore();
}

/** Runs `work(...args)` with `context` as the current call's. */
export function runWithContext<T, A extends unknown[]>(context: CallContext, work: (...args: A) => T, ...args: A): T {
  return storage.run(context, work, ...args);
}

/**
 * A context like `context` with some of it replaced. (A context may be a living object that makes its signal when
 * somebody asks for it; spreading it would lose that.)
 */
export function contextLike(context: CallContext, replaced: Partial<CallContext>): CallContext {
  const { requestId, deadline, traceparent, tracestate, principal, tenant, span } = context;
  const like = { requestId, deadline, traceparent, tracestate, principal, tenant, span, ...replaced };
  if (replaced.signal) return { ...like, signal: replaced.signal };
  return Object.defineProperty(like, 'signal', { get: () => context.signal, enumerable: true }) as CallContext;
}

/** Milliseconds until the current call's deadline, at least 0; undefined when there is no deadline. */
export function remainingTime(now: () => number = Date.now): number | undefined {
  const deadline = storage.getStore()?.deadline;
  return deadline === undefined ? undefined : Math.max(0, deadline - now());
}
