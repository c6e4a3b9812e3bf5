import { callContext, contextLike, runWithContext } from './call-context.js';

/** OpenTelemetry's: who begins the work for whom. */
export type SpanKind = 'server' | 'client' | 'producer' | 'consumer' | 'internal';

/** What a span says of its work; names are those of OpenTelemetry's semantic conventions where they have one. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** How the work of a span ended. */
export interface SpanEnd {
  readonly attributes?: SpanAttributes;
  /** That it failed, and as what: a code, or the name of an error. Unset, it did not. */
  readonly failure?: string;
  /** What was thrown, to be shown with its stack; or what is known of it, as text. */
  readonly error?: unknown;
}

/** A piece of work that a tracing system records, in the trace that it is a part of. */
export interface Span {
  /** The W3C trace context that names it: what work it leads to carries on. */
  readonly traceparent: string;
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** Begins a part of it. */
  child(name: string, kind: SpanKind, attributes?: SpanAttributes): Span;
  /** Ends it; what comes later is not recorded. */
  end(end?: SpanEnd): void;
}

/**
 * Runs `work` as a part of the current call that its trace shows under `name`; when no trace of the call is recorded, just
 * runs it.
 */
export async function traced<T>(name: string, work: () => Promise<T>, attributes?: SpanAttributes): Promise<T> {
  const context = callContext();
  const span = context?.span?.child(name, 'internal', attributes);
  if (!context || !span) return work();
  let end: SpanEnd | undefined;
  try {
    return await runWithContext(contextLike(context, { span, traceparent: span.traceparent }), work);
  } catch (error) {
    end = { failure: failureName(error), error };
    throw error;
  } finally {
    span.end(end);
  }
}

/** What a span says that `error` is: the name of its class. */
export function failureName(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
