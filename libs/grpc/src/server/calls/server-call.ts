import { setMaxListeners } from 'node:events';
import type { Http2Session } from 'node:http2';
import { Metadata } from '@grpc/grpc-js';
import type { CallContext } from '@rookery/context';
import { Cancelled, Code, DeadlineExceeded, ResourceExhausted, type RookeryError, fromStatus } from '@rookery/errors';
import { requestIdFrom, traceparentFrom } from '@rookery/observability';
import type { Unsubscribable } from 'rxjs';
import { CONTEXT_METADATA } from '../../context-metadata.js';
import type { HandlerArguments } from '../pipeline/compile-handler.js';
import { failed } from './call-status.js';
import { encodeReply } from './codec.js';
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

/** Replies on their way to a reader: a handler that can be paused is paused beyond this, until half of it is gone. */
const WINDOW = { messages: 32, bytes: 64 * 1024 };

/** Timers fire a little early, and the client's deadline passes before ours: it began to wait earlier. In milliseconds. */
const DEADLINE_TOLERANCE = 5;

/** What a message that waits costs beside its bytes. */
const MESSAGE_OVERHEAD = 64;

/** What a name of a tenant or a principal may look like: printable ASCII, safe in logs and headers. */
const NAME = /^[\x21-\x7e]{1,256}$/;
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;

/**
 * One call being served, from its metadata to its status. It is the call's context, what handlers get as `@Call()`,
 * and what hears the client's messages; what differs between the four kinds is in their files.
 *
 * It ends once: with a reply (`succeed`), with an error (`fail`), or from outside (`stop`). What comes after is dropped.
 */
export abstract class ServerCall implements CallContext {
  /** What the client sent before its first message. */
  metadata!: Metadata;
  deadline: number | undefined;
  private readonly startedAt: number;
  private reason: RookeryError | undefined;
  private controller: AbortController | undefined;
  private over = false;
  private ownTrailers: Metadata | undefined;
  private id: string | undefined;
  private ownPrincipal: string | undefined;
  private ownTenant: string | undefined;
  private args: HandlerArguments | undefined;
  private recovered = false;
  private inFlight = 0;
  private inFlightBytes = 0;
  private wake: (() => void) | undefined;
  private release: (() => void) | undefined;
  private late: Unsubscribable | undefined;
  private lingers = false;

  constructor(
    readonly method: ServedMethod,
    protected readonly transport: Transport,
  ) {
    this.startedAt = method.observer ? performance.now() : 0;
  }

  // ── the context

  get requestId(): string {
    return (this.id ??= requestIdFrom(this.metadata.get(CONTEXT_METADATA.requestId)[0]));
  }

  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      // However many queries and calls a handler runs side by side, each of them listens.
      setMaxListeners(0, this.controller.signal);
      if (this.reason) this.controller.abort(this.reason);
    }
    return this.controller.signal;
  }

  get traceparent(): string | undefined {
    return traceparentFrom(this.metadata.get(CONTEXT_METADATA.traceparent)[0]);
  }

  get tracestate(): string | undefined {
    return this.text(CONTEXT_METADATA.tracestate, TRACESTATE);
  }

  /** On whose behalf the call is made: what the metadata says, or what an authenticating guard has set. */
  get principal(): string | undefined {
    return this.ownPrincipal ?? this.text(CONTEXT_METADATA.principal, NAME);
  }
  set principal(name: string) {
    this.ownPrincipal = checkedName('principal', name);
  }

  /** The customer whose data it is about: what the metadata says, or what an authenticating guard has set. */
  get tenant(): string | undefined {
    return this.ownTenant ?? this.text(CONTEXT_METADATA.tenant, NAME);
  }
  set tenant(name: string) {
    this.ownTenant = checkedName('tenant', name);
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
    observer?.started();
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

  /** What ended the call from outside. */
  protected get stopReason(): RookeryError | undefined {
    return this.reason;
  }

  /** Ends the call from outside: what works on it is told by its signal. */
  stop(reason: RookeryError): void {
    if (this.over) return;
    this.reason = reason;
    this.fail(reason);
    this.controller?.abort(reason);
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
    const length = bytes.length + MESSAGE_OVERHEAD;
    this.inFlight += 1;
    this.inFlightBytes += length;
    sendMessage(this.transport, bytes, () => this.sent(length));
    return this.hasRoom;
  }

  /** Bytes of replies that the reader has not taken. */
  get bufferedBytes(): number {
    return this.inFlightBytes;
  }

  get hasRoom(): boolean {
    return this.inFlight < WINDOW.messages && this.inFlightBytes < WINDOW.bytes;
  }

  /** Resolves when the reader has taken enough, or when the call has ended. */
  room(): Promise<void> {
    if (this.over || this.hasRoom) return Promise.resolve();
    return new Promise((resolve) => (this.wake = resolve));
  }

  private sent(length: number): void {
    this.inFlight -= 1;
    this.inFlightBytes -= length;
    if (this.wake && this.inFlight <= WINDOW.messages / 2 && this.inFlightBytes <= WINDOW.bytes / 2) this.awake();
  }

  private awake(): void {
    const { wake } = this;
    this.wake = undefined;
    wake?.();
  }

  private settle(code: Code, error?: unknown): void {
    const { calls, observer } = this.method;
    calls.ended(this);
    if (observer) observer.ended(this, code, performance.now() - this.startedAt, error);
    this.awake();
    try {
      this.release?.();
    } catch {
      // A source that fails while it is left has nobody to tell.
    }
  }

  private text(key: string, pattern: RegExp): string | undefined {
    const value = this.metadata.get(key)[0];
    return typeof value === 'string' && pattern.test(value) ? value : undefined;
  }
}

/** @throws {TypeError} when outgoing calls could not carry the name */
function checkedName(what: string, name: string): string {
  if (NAME.test(name)) return name;
  throw new TypeError(`a ${what} takes 1 to 256 printable ASCII characters without spaces, as metadata does`);
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
