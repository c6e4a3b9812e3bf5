import { Metadata, type ServerErrorResponse, type ServerUnaryCall } from '@grpc/grpc-js';
import type { ServerSurfaceCall } from '@grpc/grpc-js/build/src/server-call.js';
import { type CallContext, runWithContext } from '@rookery/context';
import { Cancelled, Code, DeadlineExceeded, Unavailable, toRookeryError, toStatus } from '@rookery/errors';
import { REQUEST_ID_HEADER, requestIdFrom } from '@rookery/observability';

export type AnyServerCall = ServerSurfaceCall & Pick<ServerUnaryCall<unknown, unknown>, 'getDeadline'>;

/** One call being served: its context, and the errors that end it from outside. */
export class RunningCall {
  readonly context: CallContext;
  readonly startedAt = performance.now();
  private readonly abort = new AbortController();

  constructor(call: AnyServerCall) {
    const deadline = call.getDeadline();
    const at = deadline instanceof Date ? deadline.getTime() : deadline;
    this.context = {
      requestId: requestIdFrom(call.metadata.get(REQUEST_ID_HEADER)[0]),
      deadline: Number.isFinite(at) ? at : undefined,
      signal: this.abort.signal,
      traceparent: call.metadata.get('traceparent')[0]?.toString(),
    };
    call.on('cancelled', () => {
      const late = this.context.deadline !== undefined && Date.now() >= this.context.deadline;
      this.end(late ? new DeadlineExceeded('the deadline has passed') : new Cancelled('the caller cancelled'));
    });
  }

  get signal(): AbortSignal {
    return this.abort.signal;
  }

  /** Milliseconds since the call came in. */
  get duration(): number {
    return performance.now() - this.startedAt;
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    return runWithContext(this.context, work);
  }

  /** Settles like `work`, or rejects as soon as the call is ended from outside. */
  async orEnded<T>(work: Promise<T>): Promise<T> {
    const { signal } = this;
    let onAbort = () => {};
    const ended = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason);
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort);
    });
    try {
      return await Promise.race([work, ended]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Ends the call because the server stops: the caller may try another replica. */
  shutDown(): void {
    this.end(new Unavailable('the server is shutting down; call again', { reason: 'SHUTTING_DOWN' }));
  }

  private end(reason: Error): void {
    this.abort.abort(reason);
  }
}

/** A thrown value as grpc-js takes it, with the encoded `google.rpc.Status`. */
export function toServerError(thrown: unknown, domain: string): ServerErrorResponse {
  const status = toStatus(thrown, domain);
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', status.details);
  const { name } = toRookeryError(thrown);
  return { name, code: status.code as number, message: status.message, details: status.message, metadata };
}

/** The code a call ended with. */
export function codeOf(thrown: unknown): Code {
  return toRookeryError(thrown).code;
}
