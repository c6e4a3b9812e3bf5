import { setMaxListeners } from 'node:events';
import { type CallContext, orAborted, runWithContext } from '@rookery/context';
import { DeadlineExceeded, type RookeryError } from '@rookery/errors';
import type { Tracer } from '@rookery/observability';
import { NatsContext } from '@nestjs/microservices';
import { headers as newHeaders } from '@nats-io/transport-node';
import { type Observable, type Subscription, isObservable } from 'rxjs';
import { messagingAttributes } from '../messaging-attributes.js';
import type { ReceivedMessage, Reply } from './message-bus.js';
import { failureOf, failureReply } from './message-failure.js';
import type { FoundHandler } from './message-handlers.js';
import { HEADERS, type ReadHeaders, contextFrom, readHeaders, timeoutOf } from './message-headers.js';
import { decodePayload, encodePayload } from './message-payload.js';
import { type NestEnvelope, nestEnvelope, nestFailure, nestReply } from './nest-envelope.js';

/**
 * One message in the hands of its handler. It is a call as an RPC is one: with the sender's request id, trace, tenant and
 * principal, with a deadline, and with a signal that the deadline or the stop of the service aborts.
 */
export class MessageCall {
  private readonly ending = new AbortController();
  private readonly headers: ReadHeaders;
  private envelope: NestEnvelope | undefined;
  private answers: Subscription | undefined;
  private over = false;

  constructor(
    private readonly handler: FoundHandler,
    private readonly message: ReceivedMessage,
    /** Names the service in its errors. */
    private readonly service: string,
    private readonly tracer: Tracer,
  ) {
    this.headers = readHeaders(message.headers);
    // However many queries and calls a handler runs side by side, each of them listens.
    setMaxListeners(0, this.ending.signal);
  }

  /**
   * Runs the handler and answers. Never rejects.
   * @param timeout milliseconds that it may take, however long the sender waits
   * @returns what it failed with, if it did, and the context it ran in
   */
  async run(timeout: number): Promise<{ error?: RookeryError; context: CallContext }> {
    const allowed = Math.min(timeout, timeoutOf(this.headers) ?? timeout);
    const { subject } = this.message;
    const late = () => this.end(new DeadlineExceeded(`"${subject}" was not handled within ${allowed} ms`));
    const timer = setTimeout(late, allowed);
    const { signal } = this.ending;
    const caller = contextFrom(this.headers);
    const { pattern, isEvent } = this.handler;
    const attributes = messagingAttributes('process', subject);
    const trace = this.tracer.begin(`process ${pattern}`, isEvent ? 'consumer' : 'server', caller, attributes);
    const context: CallContext = { ...caller, ...trace, deadline: Date.now() + allowed, signal };
    try {
      await runWithContext(context, () => orAborted(this.handle(), signal));
      return { context };
    } catch (thrown) {
      const error = failureOf(thrown);
      this.tell(error);
      return { error, context };
    } finally {
      this.over = true;
      clearTimeout(timer);
      this.answers?.unsubscribe();
    }
  }

  /** Ends it from outside. */
  end(reason: RookeryError): void {
    this.ending.abort(reason);
  }

  private async handle(): Promise<void> {
    const { subject, headers } = this.message;
    const result: unknown = await this.handler.handle(this.payload(), new NatsContext([subject, headers]));
    if (this.over) return;
    if (isObservable(result)) await this.answerAll(result);
    else this.answer(result, false);
  }

  private payload(): unknown {
    const contentType = this.headers[HEADERS.contentType];
    const { payload: codec } = this.handler.options;
    const payload = decodePayload(this.message.data, contentType, codec);
    if (codec || contentType !== undefined) return payload;
    this.envelope = nestEnvelope(payload);
    return this.envelope ? this.envelope.data : payload;
  }

  /** Answers with each value. One that the end follows at once is the last answer; that spares a message of its own. */
  private answerAll(values: Observable<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      let held: { value: unknown } | undefined;
      const release = (more: boolean) => {
        const value = held?.value;
        if (more && !held) return;
        held = undefined;
        this.answer(value, more);
      };
      const attempt = (work: () => void) => {
        try {
          work();
        } catch (error) {
          reject(error as Error);
        }
      };
      this.answers = values.subscribe({
        next: (value) =>
          attempt(() => {
            release(true);
            held = { value };
            process.nextTick(() => attempt(() => release(true)));
          }),
        error: reject,
        complete: () =>
          attempt(() => {
            release(false);
            resolve();
          }),
      });
    });
  }

  private answer(value: unknown, more: boolean): void {
    this.respond(() => {
      const { envelope } = this;
      const headers = newHeaders();
      if (envelope?.id !== undefined) return { headers, data: nestReply(envelope.id, value, more) };
      const { contentType, data } = encodePayload(value, value === undefined ? undefined : this.handler.options.reply);
      headers.set(HEADERS.contentType, contentType);
      if (more) headers.set(HEADERS.more, 'true');
      return { headers, data };
    });
  }

  private tell(error: RookeryError): void {
    try {
      this.respond(() => this.failure(error));
    } catch {
      // There is no connection, so the sender hears of that already.
    }
  }

  private failure(error: RookeryError): Reply {
    const id = this.envelope?.id;
    if (id !== undefined) return { headers: newHeaders(), data: nestFailure(id, error) };
    return failureReply(error, this.service, this.message.subject);
  }

  private respond(reply: () => Reply): void {
    const { respond } = this.message;
    if (respond && !this.over && !this.handler.isEvent) respond(reply());
  }
}
