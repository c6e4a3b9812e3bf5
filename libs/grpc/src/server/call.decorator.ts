import { type ExecutionContext, createParamDecorator } from '@nestjs/common';
import type { HandlerCall } from './calls/server-call.js';

/**
 * The parameter that takes the call itself: `@Call() call: ServerCall`, for its metadata, trailers, peer and signal.
 * Guards and interceptors get it with `callOf(context)`.
 */
export const Call = createParamDecorator((_: unknown, context: ExecutionContext) => callOf(context));

/** The call that `context` belongs to. */
export function callOf(context: ExecutionContext): HandlerCall {
  return context.getArgByIndex<HandlerCall>(2);
}
