import type { Metadata } from '@grpc/grpc-js';
import type { MethodDefinition } from '@rookery/contracts';
import type { AnyServerCall, RunningCall } from './running-call.js';

/** One RPC as the server sees it: its definition and the handler that Nest compiled, with guards, pipes and all. */
export interface ServedMethod {
  readonly definition: MethodDefinition;
  /** @returns a message, an EncodedReply, an AsyncIterable or an Observable of these */
  handle(request: unknown, metadata: Metadata, call: AnyServerCall): Promise<unknown>;
  /** Begins a call: its context, its log line, its metrics. */
  begin(call: AnyServerCall): RunningCall;
  /** Ends it, once; `error` is what it failed with. */
  finish(running: RunningCall, error?: unknown): void;
  /** The name that errors without a domain of their own get. */
  readonly domain: string;
}
