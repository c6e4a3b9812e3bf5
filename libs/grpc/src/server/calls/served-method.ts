import type { runWithContext } from '@rookery/context';
import type { MethodDefinition } from '@rookery/contracts';
import type { MethodObserver } from '@rookery/observability';
import type { CompiledHandler } from '../pipeline/compile-handler.js';
import type { RunningCalls } from './running-calls.js';

/** One RPC as the server sees it: its definition and codecs, the compiled handler, and what watches its calls. */
export interface ServedMethod {
  readonly definition: MethodDefinition;
  /** `/user.v1.UserService/GetUser` */
  readonly path: string;
  /** The handler with its guards, pipes, interceptors and filters. */
  readonly handler: CompiledHandler;
  /** Runs a call's handler with the call as its context. */
  readonly enter: typeof runWithContext;
  /** The name that errors without a domain of their own get. */
  readonly domain: string;
  readonly calls: RunningCalls;
  /** Logs and metrics; undefined when nobody wants to know. */
  readonly observer?: MethodObserver;
  /** Milliseconds that a call may take whose caller sets no deadline; undefined for no limit. */
  readonly defaultTimeout?: number;
  /** Bytes of metadata that a call may carry. */
  readonly maxMetadataBytes: number;
  /** Bytes of replies that may wait for a slow reader when the handler cannot be paused. */
  readonly maxBufferedBytes: number;
}
