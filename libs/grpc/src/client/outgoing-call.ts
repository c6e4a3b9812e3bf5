import type { InterceptingListener, Metadata, StatusObject } from '@grpc/grpc-js';
import { type CallContext, type Span, callContext } from '@rookery/context';
import { Cancelled, Code, DeadlineExceeded, RookeryError, Unavailable } from '@rookery/errors';
import { outgoingMetadata } from './call-metadata.js';
import { type CallOptions, milliseconds } from './call-options.js';
import type { ClientMethod } from './client-method.js';
import { beginClientSpan, spanEndOf } from './client-span.js';
import type { ChannelCall } from './grpc-channel.js';
import { fromReceived } from './received-status.js';
import { type Follower, follow, unfollow } from './signal-followers.js';

const NO_CALLBACK = {};

/**
 * One call on its way: deadline, cancellation, metadata and status, the same for all four kinds. It is its own listener
 * for what comes from the channel and from signals, so that a call costs no closures.
 */
export abstract class OutgoingCall implements InterceptingListener, Follower {
  /** How the call ended. */
  protected status: StatusObject | undefined;
  /** Set by `begin`. */
  protected channelCall!: ChannelCall;
  private readonly context: CallContext | undefined = callContext();
  private readonly metadata: Metadata;
  /** Milliseconds; Infinity for none. */
  private timeout: number;
  /** What the caller gets instead of the status: what its own source, callback or signal said. */
  private failure: { error: unknown } | undefined;
  private span: Span | undefined;
  private written: (() => void) | undefined;
  private ending: (() => void) | undefined;

  /** @throws {TypeError} for options that no call can have */
  constructor(
    protected readonly method: ClientMethod,
    private readonly options: CallOptions,
  ) {
    this.metadata = outgoingMetadata(options.metadata, this.context);
    this.timeout = options.timeout === undefined ? method.timeout : milliseconds(options.timeout, 'timeout');
  }

  get ended(): boolean {
    return this.status !== undefined;
  }

  /**
   * Starts the call.
   * @throws {RookeryError} when it is over before: a signal has aborted, or there is no time left. Nothing is sent then
   */
  begin(): this {
    const { context, method, options } = this;
    for (const signal of [context?.signal, options.signal]) {
      if (signal?.aborted) throw errorOfSignal(method.service, signal);
    }
    const now = Date.now();
    if (context?.deadline !== undefined) this.timeout = Math.min(this.timeout, context.deadline - now);
    if (this.timeout <= 0) throw new DeadlineExceeded(`There was no time left to call ${method.service}.`);
    this.channelCall = callOn(method, now + this.timeout);
    if (context) follow(context.signal, this);
    if (options.signal) follow(options.signal, this);
    this.span = beginClientSpan(method.path, method.service, this.metadata, context);
    this.channelCall.start(this.metadata, this);
    this.channelCall.startRead();
    return this;
  }

  /** Sends the only request. */
  sendOnly(request: Buffer): void {
    this.channelCall.sendMessageWithContext(NO_CALLBACK, request);
    this.channelCall.halfClose();
  }

  /** Sends one request of many. Resolves when there is room for the next one, or the call has ended. */
  send(request: Buffer): Promise<void> {
    return new Promise((resolve) => {
      if (this.ended) return resolve();
      this.written = resolve;
      this.channelCall.sendMessageWithContext({ callback: resolve }, request);
    });
  }

  /** Tells whoever sends requests that the call has ended. */
  onEnd(callback: (() => void) | undefined): void {
    this.ending = callback;
  }

  endRequests(): void {
    this.channelCall.halfClose();
  }

  /** Cancels the call; the caller gets `error`. */
  abandon(error: unknown): void {
    if (this.ended) return;
    this.failure ??= { error };
    this.channelCall.cancelWithStatus(Code.CANCELLED, 'cancelled by the caller');
  }

  signalAborted(signal: AbortSignal): void {
    this.abandon(errorOfSignal(this.method.service, signal));
  }

  onReceiveMetadata(metadata: Metadata): void {
    if (this.options.onHeader) this.tell(this.options.onHeader, metadata);
  }

  abstract onReceiveMessage(message: Buffer): void;

  onReceiveStatus(status: StatusObject): void {
    if (this.ended) return;
    if (this.options.onTrailer) this.tell(this.options.onTrailer, status.metadata);
    this.status = status;
    this.span?.end(spanEndOf(status));
    if (this.context) unfollow(this.context.signal, this);
    if (this.options.signal) unfollow(this.options.signal, this);
    this.ending?.();
    this.written?.();
    this.settle();
  }

  /** The status is there: wakes whoever waits for it. */
  protected abstract settle(): void;

  /**
   * Throws what the call failed with. Called by the async function that the caller waits for, and not where the status
   * comes in, so that the error's stack shows the caller.
   */
  protected throwFailure(): void {
    if (this.failure) throw this.failure.error;
    if ((this.status!.code as number) !== Code.OK) throw this.errorOf(this.status!);
  }

  protected errorOf({ code, details, metadata }: StatusObject): RookeryError {
    const received = Object.assign(new Error(`${code} ${Code[code]}: ${details}`), { code, details, metadata });
    const timeout = Number.isFinite(this.timeout) ? this.timeout : undefined;
    return fromReceived(received, this.method.service, { timeout });
  }

  /** A callback that throws fails the call, not the process. */
  private tell(callback: (metadata: Metadata) => void, metadata: Metadata): void {
    try {
      callback(metadata);
    } catch (error) {
      this.abandon(error);
    }
  }
}

/** @throws {Unavailable} when the channel has been closed: the application, or the test, is shutting down */
function callOn({ channel, path, service }: ClientMethod, deadline: number): ChannelCall {
  try {
    return channel.createCall(path, deadline, null, null, null);
  } catch (cause) {
    throw new Unavailable(`The client of ${service} is closed.`, { cause, reason: 'CLIENT_CLOSED' });
  }
}

/** An error of the catalogue as the signal's reason says why the call being served is over; it holds for this one too. */
function errorOfSignal(service: string, { reason }: AbortSignal): RookeryError {
  if (reason instanceof RookeryError) return reason;
  return new Cancelled(`The call of ${service} was cancelled.`, { cause: reason });
}
