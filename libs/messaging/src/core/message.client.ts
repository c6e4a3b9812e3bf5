import { durationToMs } from '@rookery/config';
import { type Span, type SpanEnd, type SpanKind, callContext, failureName, remainingTime } from '@rookery/context';
import { Cancelled, Code, DeadlineExceeded, RookeryError } from '@rookery/errors';
import { CONTEXT_METADATA } from '@rookery/grpc';
import { type MsgHdrs, headers as newHeaders } from '@nats-io/transport-node';
import { messagingAttributes } from '../messaging-attributes.js';
import type { PartialMessage } from '../outbox.js';
import type { Message, MessageBus, Reply } from './message-bus.js';
import { failureFrom } from './message-failure.js';
import { HEADERS, outgoingHeaders, readHeaders, timeoutHeader } from './message-headers.js';
import { type PayloadCodecs, decodePayload, encodePayload } from './message-payload.js';
import { checkSubject } from './subject.js';

/** How long a request waits when neither it nor the call being served says so; milliseconds. */
const DEFAULT_TIMEOUT = 10_000;

export interface PublishOptions<Payload = unknown> extends Pick<PayloadCodecs<Payload>, 'payload'> {
  /** Further headers. What the call context carries on cannot be replaced. */
  readonly headers?: MsgHdrs | Readonly<Record<string, string>>;
}

export interface RequestOptions<Payload = unknown, Answer = unknown>
  extends PayloadCodecs<Payload, Answer>, PublishOptions<Payload> {
  /**
   * How long to wait for the answer: `'2s'`, or milliseconds. Default: 10 s. The deadline of the call being served bounds
   * it in any case.
   */
  readonly timeout?: string | number;
}

/** What a request hears. */
export interface AnswerListener {
  /** @param last whether it was the last answer */
  answered(value: unknown, last: boolean): void;
  failed(error: unknown): void;
}

type Input<Payload> = unknown extends Payload ? unknown : PartialMessage<Payload>;

/**
 * Sends messages that nobody stores: to whoever listens now, at most once. What must not be lost belongs into the `Outbox`.
 * Request id, trace, tenant and principal of the call being served go with them.
 *
 * ```ts
 * const { left } = await this.messages.request<{ left: number }>('stock.check', { sku: 'book' }, { timeout: '2s' });
 * await this.messages.publish('stock.low', { sku: 'book' });
 * ```
 */
export class MessageClient {
  constructor(private readonly bus: MessageBus) {}

  /**
   * Sends a message to each service (and everyone else) that listens to `subject`.
   * @throws {Unavailable} when there is no connection to NATS: it is not sent, not even later
   */
  async publish<Payload = unknown>(
    subject: string,
    payload: Input<Payload>,
    options: PublishOptions<Payload> = {},
  ): Promise<void> {
    const message = messageOf(subject, payload, options);
    const span = trace(message, 'publish', 'producer');
    endingWhenThrown(span, () => this.bus.publish(message));
    span?.end();
  }

  /**
   * Sends a request and waits for the answer; of several, the first.
   * @throws the error of the catalogue that the handler threw; {Unavailable} when nobody answers on `subject`, or there is
   * no connection to NATS; {DeadlineExceeded} when there is no answer in time; what the call being served ended with
   */
  request<Answer = unknown, Payload = unknown>(
    subject: string,
    payload: Input<Payload>,
    options: RequestOptions<Payload, Answer> = {},
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const close = this.open(subject, payload, options as RequestOptions, {
        answered: (value, last) => {
          if (!last) close();
          resolve(value as Answer);
        },
        failed: reject,
      });
    });
  }

  /**
   * Sends a request and tells `listener` of every answer until the last one, or of the failure; never before it returns.
   * @returns what ends the listening
   * @throws what `request` throws before anything is sent
   */
  open(subject: string, payload: unknown, options: RequestOptions, listener: AnswerListener): () => void {
    const timeout = timeoutFor(subject, options.timeout);
    const signal = callContext()?.signal;
    if (signal?.aborted) throw reasonOf(subject, signal);
    const message = messageOf(subject, payload, options);
    message.headers.set(HEADERS.timeout, timeoutHeader(timeout));
    const span = trace(message, 'request', 'client');

    let failure: SpanEnd | undefined;
    const close = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', leave);
      stop();
      span?.end(failure);
    };
    const fail = (error: unknown) => {
      failure = failedWith(error);
      close();
      listener.failed(error);
    };
    const leave = () => fail(reasonOf(subject, signal!));
    const late = () => fail(new DeadlineExceeded(`"${subject}" did not answer within ${Math.round(timeout)} ms`));
    const replied = (reply: Reply) => {
      let answer: { value: unknown; last: boolean };
      try {
        answer = read(reply, options);
      } catch (error) {
        return fail(error);
      }
      if (answer.last) close();
      listener.answered(answer.value, answer.last);
    };
    const stop = endingWhenThrown(span, () => this.bus.request(message, { replied, failed: fail }));
    const timer = setTimeout(late, timeout);
    signal?.addEventListener('abort', leave, { once: true });
    return close;
  }
}

function messageOf(subject: string, payload: unknown, { payload: codec, headers: own }: PublishOptions): Message {
  checkSubject(subject);
  const headers = outgoingHeaders(callContext(), own === undefined ? undefined : asHeaders(own));
  const { contentType, data } = encodePayload(payload, codec);
  headers.set(HEADERS.contentType, contentType);
  return { subject, headers, data };
}

/** Begins the span of sending `message`, whose handler's is a part of it, when the call being served is traced. */
function trace({ subject, headers }: Message, operation: 'publish' | 'request', kind: SpanKind): Span | undefined {
  const attributes = messagingAttributes('send', subject);
  const span = callContext()?.span?.child(`${operation} ${subject}`, kind, attributes);
  if (span) headers.set(CONTEXT_METADATA.traceparent, span.traceparent);
  return span;
}

function endingWhenThrown<T>(span: Span | undefined, send: () => T): T {
  try {
    return send();
  } catch (error) {
    span?.end(failedWith(error));
    throw error;
  }
}

function failedWith(error: unknown): SpanEnd {
  return { failure: error instanceof RookeryError ? Code[error.code] : failureName(error), error };
}

function asHeaders(own: NonNullable<PublishOptions['headers']>): MsgHdrs {
  if (Symbol.iterator in own) return own;
  const headers = newHeaders();
  for (const [name, value] of Object.entries(own)) headers.set(name, value);
  return headers;
}

/** Milliseconds until the answer has to be there. */
function timeoutFor(subject: string, wished: string | number | undefined): number {
  const timeout = wished === undefined ? DEFAULT_TIMEOUT : durationToMs(wished);
  if (Number.isNaN(timeout)) throw new TypeError(`timeout takes a duration such as '500ms' or 5000; got ${wished}`);
  const left = Math.min(timeout, remainingTime() ?? timeout);
  if (left <= 0) throw new DeadlineExceeded(`there was no time left to ask "${subject}"`);
  return left;
}

/** An error of the catalogue as the signal's reason says why the call being served is over; it holds for this one too. */
function reasonOf(subject: string, { reason }: AbortSignal): RookeryError {
  if (reason instanceof RookeryError) return reason;
  return new Cancelled(`the request on "${subject}" was cancelled`, { cause: reason });
}

/** @throws the error that the answer stands for */
function read({ headers: received, data }: Reply, { reply: codec }: PayloadCodecs): { value: unknown; last: boolean } {
  const headers = readHeaders(received);
  const failure = failureFrom(headers);
  if (failure) throw failure;
  const contentType = headers[HEADERS.contentType];
  const last = headers[HEADERS.more] !== 'true';
  const nothing = data.length === 0 && contentType === 'application/json';
  return { value: nothing ? undefined : decodePayload(data, contentType, codec), last };
}
