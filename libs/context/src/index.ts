export { type CallContext, callContext, contextLike, remainingTime, runWithContext } from './call-context.js';
export { orAborted } from './or-aborted.js';
export { type Span, type SpanAttributes, type SpanEnd, type SpanKind, failureName, traced } from './span.js';
