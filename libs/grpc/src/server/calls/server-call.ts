import type { Http2Session } from 'node:http2';
import { Metadata } from '@grpc/grpc-js';
import type { CallContext } from '@rookery/context';
import { Cancelled, Code, DeadlineExceeded, ResourceExhausted, type RookeryError, fromStatus } from '@rookery/errors';
import type { Unsubscribable } from 'rxjs';
import type { HandlerArguments } from '../pipeline/compile-handler.js';
import { failed } from './call-status.js';
import { encodeReply } from './codec.js';
import { ReplyWindow } from './reply-window.js';
import { ServedContext } from './served-context.js';
import type { ServedMethod } from './served-method.js';
import {
  type Transport,
  closeStream,
  replaceDeadlineTimer,
  sendFailure,
  sendHeaders,
  sendMessage,
  sendReply,
  sendSuccess,
  sentStatus,
} from './transport.js';

/** Timers fire a little early, and the client's deadline passes before ours: it began to wait earlier. In milliseconds. */
const DEADLINE_TOLERANCE = 5;

/**
 * One call being served, from its metadata to its status. It is the call's context, what handlers get as `@Call()`,
 * and what hears the client's messages; what differs between the four kinds is in their files.
 *
 * It ends once: with a reply (`succeed`), with an error (`fail`), or from outside (`stop`). What comes after is dropped.
 */
export abstract class ServerCall extends ServedContext {
  private readonly startedAt: number;
  private over = false;
  private ownTrailers: Metadata | undefined;
  private args: HandlerArguments | undefined;
  private recovered = false;
  private replies: ReplyWindow | undefined;
  private release: (() => void) | undefined;
  private late: Unsubscribable | undefined;
  private lingers = false;

  constructor(
    readonly method: ServedMethod,
    protected readonly transport: Transport,
  ) {
    super();
    this.startedAt = method.observer ? performance.now() : 0;
  }

  // ── what handlers, guards and interceptors may use

  /** Metadata that the client gets with the status. */
  get trailers(): Metadata {
    return (this.ownTrailers ??= new Metadata());
  }

  /** Whether the call has ended. */
  get ended(): boolean {
    return this.over;
  }

  /** Whether it was ended from outside: the client left, the deadline passed, or the server stops. */
  get cancelled(): boolean {
    return this.reason !== undefined;
  }

  /** Sends the initial metadata now; without it, it goes out with the first reply. */
  sendMetadata(metadata: Metadata): void {
    sendHeaders(this.transport, metadata);
  }

  /** `127.0.0.1:40312` */
  getPeer(): string {
    return this.transport.getPeer();
  }

  /** The connection that it came over. */
  get session(): Http2Session | undefined {
    return this.transport.stream.session;
  }

  /** `/user.v1.UserService/GetUser` */
  getPath(): string {
    return this.method.path;
  }

  /** Milliseconds since the epoch; Infinity when there is none. */
  getDeadline(): number {
    return this.deadline ?? Number.POSITIVE_INFINITY;
  }

  /** The certificate of a client that came over mutual TLS. */
  getAuthContext(): ReturnType<Transport['getAuthContext']> {
    return this.transport.getAuthContext();
  }

  // ── what grpc-js tells

  /** Called by grpc-js, with a listener of its own that nobody needs. */
  start(): void {
    this.transport.start(this);
  }

  onReceiveMetadata(metadata: Metadata): void {
    const { calls, observer, defaultTimeout, maxMetadataBytes } = this.method;
    this.metadata = metadata;
    const deadline = this.transport.getDeadline() as number;
    calls.add(this);
    observer?.started(this);
    if (deadline !== Number.POSITIVE_INFINITY) {
      this.deadline = deadline;
      replaceDeadlineTimer(this.transport, () => this.stop(new DeadlineExceeded('the deadline has passed')));
    } else if (defaultTimeout !== undefined) {
      this.deadline = Date.now() + defaultTimeout;
      calls.expire(this);
    }
    if (exceeds(metadata, maxMetadataBytes)) {
      return this.fail(new ResourceExhausted(`the metadata is longer than ${maxMetadataBytes} bytes`));
    }
    this.open();
  }

  abstract onReceiveMessage(bytes: Uint8Array): void;
  abstract onReceiveHalfClose(): void;

  /** The stream is closed: by the client, or because the call has ended. */
  onCancel(): void {
    this.method.calls.delete(this);
    if (!this.over) this.stop(this.reasonOfClose());
    this.late?.unsubscribe();
  }

  /** Has `late` unsubscribed when the stream is closed: what goes on after the reply goes on no longer than that. */
  atClose(late: Unsubscribable): void {
    this.late = late;
  }

  /**
   * Closes the stream of a call that has ended some time ago: its client does not read the status, or does not end its
   * messages. Called now and then; the second time after the end does it.
   */
  sweep(): void {
    if (!this.over) return;
    if (this.lingers) closeStream(this.transport, this.reason instanceof ResourceExhausted);
    this.lingers = true;
  }

  // ── what the kinds build on

  /** The metadata is there. */
  protected abstract open(): void;

  /** Answers with what the handler, or a filter in its place, has given back. */
  protected abstract answer(result: unknown): void;

  /** Runs the handler with `request`, a message or an AsyncIterable of them, and answers. */
  protected serve(request: unknown): void {
    this.args = [request, this.metadata, this];
    this.method.enter(this, run, this);
  }

  /** Runs the handler; called once, in the call's context. */
  handle(): void {
    try {
      this.answer(this.method.handler.handle(this.args!));
    } catch (error) {
      this.recover(error);
    }
  }

  /** Ends the call with an error of its handler, unless a filter makes something else of it. */
  recover(error: unknown): void {
    const { recover } = this.method.handler;
    if (this.over || this.recovered || !recover) return this.fail(error);
    this.recovered = true;
    try {
      this.answer(recover(error, this.args!));
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  /** Has `release` run when the call ends, however it ends; at once when it has. */
  onEnd(release: () => void): void {
    if (this.over) return release();
    const before = this.release;
    this.release = before
      ? () => {
          before();
          release();
        }
      : release;
  }

  /** Why the stream is closed though the call has not ended: grpc-js has refused a message, or the client has left. */
  private reasonOfClose(): RookeryError {
    const refusal = sentStatus(this.transport);
    if (refusal) return fromStatus(refusal);
    return this.isLate ? new DeadlineExceeded('the deadline has passed') : new Cancelled('the caller cancelled');
  }

  /** Whether the deadline has passed, as far as two clocks can agree. */
  protected get isLate(): boolean {
    return this.deadline !== undefined && Date.now() >= this.deadline - DEADLINE_TOLERANCE;
  }

  /** Ends the call from outside: what works on it is told by its signal. */
  stop(reason: RookeryError): void {
    if (this.over) return;
    this.reason = reason;
    this.fail(reason);
    this.abort(reason);
  }

  /** Ends the call with an error. */
  fail(thrown: unknown): void {
    if (this.over) return;
    this.over = true;
    const { code, message, trailers } = failed(thrown, this.method.domain, this.ownTrailers);
    sendFailure(this.transport, code, message, trailers);
    this.settle(code, thrown);
  }

  /** Ends the call with OK. */
  succeed(): void {
    if (this.over) return;
    this.over = true;
    sendSuccess(this.transport, this.ownTrailers);
    this.settle(Code.OK);
  }

  /** Sends the only reply and ends the call with OK; with an error when it cannot be encoded. */
  reply(reply: unknown): void {
    if (this.over) return;
    let bytes: Buffer;
    try {
      bytes = encodeReply(this.method.definition, reply);
    } catch (error) {
      return this.recover(error);
    }
    this.over = true;
    sendReply(this.transport, bytes, this.ownTrailers);
    this.settle(Code.OK);
  }

  /** Sends one reply of many. @returns whether there is room for another @throws when it cannot be encoded */
  send(reply: unknown): boolean {
    if (this.over) return false;
    const bytes = encodeReply(this.method.definition, reply);
    const { window } = this;
    const size = window.add(bytes.length);
    sendMessage(this.transport, bytes, () => window.take(size));
    return window.hasRoom;
  }

  /** The replies that the reader has not taken. */
  get window(): ReplyWindow {
    return (this.replies ??= new ReplyWindow());
  }

  private settle(code: Code, error?: unknown): void {
    const { calls, observer } = this.method;
    calls.ended(this);
    if (observer) observer.ended(this, code, performance.now() - this.startedAt, error);
    this.replies?.end();
    try {
      this.release?.();
    } catch {
      // A source that fails while it is left has nobody to tell.
    }
  }
}

function run(call: ServerCall): void {
  call.handle();
}

/** Whether keys and values of `metadata` are longer than `most` bytes. */
function exceeds(metadata: Metadata, most: number): boolean {
  let bytes = 0;
  // Metadata has no way to look at all of it without copying; its one field is what all of its methods work on.
  for (const [key, values] of metadata['internalRepr']) {
    for (const value of values) bytes += key.length + value.length;
  }
  return bytes > most;
}

/** What handlers, guards and interceptors see of a call. */
export type HandlerCall = Pick<
  ServerCall,
  | keyof CallContext
  | 'metadata'
  | 'trailers'
  | 'ended'
  | 'cancelled'
  | 'sendMetadata'
  | 'getPeer'
  | 'getPath'
  | 'getDeadline'
  | 'getAuthContext'
>;
