import type { ServerCall } from '../calls/server-call.js';
import type { Enhancers } from './enhancers.js';
import { type Recover, recoveryOf } from './filters.js';
import { guarded } from './guards.js';
import { intercepted } from './interceptors.js';
import { withParameters } from './parameters.js';
import { hooked } from './pre-request-hooks.js';

/** What Nest's enhancers get of a call, in Nest's order: the request, its metadata, the call. */
export type HandlerArguments = [request: unknown, metadata: ServerCall['metadata'], call: ServerCall];

/** One stage of the pipeline with all that comes after it. What it gives back may be a value, a promise or an Observable. */
export type Stage = (args: HandlerArguments) => unknown;

/** A compiled handler. The request is a message, or an AsyncIterable of them when the client streams. */
export interface CompiledHandler {
  readonly handle: Stage;
  /** What its filters make of an error, whenever it comes; undefined when there are none. */
  readonly recover?: Recover;
}

/**
 * Puts a controller's method and its enhancers together, once: global pre-request hooks → guards → interceptors →
 * pipes → handler, and the filters for what fails in any of them, as Nest does at each call. What is not there costs
 * nothing, and what answers at once makes no promise.
 */
export function compileHandler(enhancers: Enhancers): CompiledHandler {
  let handle = withParameters(enhancers);
  handle = intercepted(enhancers, handle);
  handle = guarded(enhancers, handle);
  handle = hooked(enhancers, handle);
  return { handle, recover: recoveryOf(enhancers) };
}
