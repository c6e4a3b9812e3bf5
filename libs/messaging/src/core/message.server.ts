import { Code, type RookeryError, Unavailable } from '@rookery/errors';
import type { CallContext } from '@rookery/context';
import type { Logger, Tracer } from '@rookery/observability';
import { type CustomTransportStrategy, Server, Transport } from '@nestjs/microservices';
import { within } from '../within.js';
import type { MessageBus, ReceivedMessage } from './message-bus.js';
import { MessageCall } from './message-call.js';
import type { FoundHandler, MessageHandlers } from './message-handlers.js';
import type { MessageMetrics } from './message.metrics.js';
import { bySpecificity, matches } from './subject.js';

/** What handling messages takes from the configuration; milliseconds. */
export interface MessageServerOptions {
  readonly handlerTimeout: number;
  readonly drainTimeout: number;
}

/** How long a stop waits for the server to say that it has got the last answers. */
const FLUSH_TIMEOUT = 2_000;

/** The codes that say that the service failed, not the sender. */
const FAULTS = new Set([Code.UNKNOWN, Code.INTERNAL, Code.DATA_LOSS]);

/**
 * Nest's transport for core NATS: brings messages to `@MessagePattern` and `@EventPattern` handlers. The queue group is the
 * service's name, so that replicas share the work.
 *
 * NATS gives a message to one subscription of a queue group, even where several with different subjects match it. So
 * whichever gets it here brings it to every handler of the group: each `@EventPattern` that matches, and of the
 * `@MessagePattern`s the one that says most about the subject, because a request has one answer.
 */
export class MessageServer extends Server implements CustomTransportStrategy {
  override transportId = Transport.NATS;
  private readonly calls = new Set<MessageCall>();
  private readonly running = new Set<Promise<void>>();
  private stops: (() => Promise<void>)[] = [];
  private closing: Promise<void> | undefined;

  constructor(
    private readonly service: string,
    private readonly bus: MessageBus,
    private readonly handlers: MessageHandlers,
    private readonly options: MessageServerOptions,
    private readonly metrics: MessageMetrics,
    private readonly log: Logger,
    private readonly tracer: Tracer,
  ) {
    super();
  }

  /** Called by Nest. Does not wait for NATS: what is not there yet is subscribed to as soon as it is. */
  listen(callback: (error?: Error) => void): void {
    try {
      if (!this.closing) this.subscribe(this.handlers.find());
    } catch (error) {
      return callback(error as Error);
    }
    callback();
  }

  /** Unsubscribes, has the running handlers finish (at most for the drain timeout) and their answers sent. */
  close(): Promise<void> {
    this.closing ??= this.drain();
    return this.closing;
  }

  /** The connection has its own log and its own line in readiness. */
  on(): void {
    throw new Error('the connection of messages tells of itself in the log and in the dependency "events"');
  }

  /** What carries the messages. */
  unwrap<T = MessageBus>(): T {
    return this.bus as T;
  }

  private subscribe(found: FoundHandler[]): void {
    const queueOf = ({ options }: FoundHandler) => options.queue ?? this.service;
    const subscribed = new Set<string>();
    for (const handler of found) {
      const { pattern } = handler;
      const queue = queueOf(handler);
      // One subscription for each pattern: all handlers of the group hear of its messages, or each by itself without a group.
      const group = queue === '' ? found.filter((other) => other.pattern === pattern) : found;
      const handlers = group.filter((other) => queueOf(other) === queue);
      const name = `${queue} ${pattern}`;
      if (subscribed.has(name)) continue;
      subscribed.add(name);
      const receive = (message: ReceivedMessage) => this.receive(handlers, message);
      this.stops.push(this.bus.subscribe({ subject: pattern, queue: queue || undefined, receive }));
    }
  }

  private receive(handlers: FoundHandler[], message: ReceivedMessage): void {
    const matching = handlers.filter(({ pattern }) => matches(pattern, message.subject));
    const [responder] = matching
      .filter(({ isEvent }) => !isEvent)
      .sort((one, other) => bySpecificity(one.pattern, other.pattern));
    for (const handler of matching) if (handler.isEvent || handler === responder) this.start(handler, message);
  }

  private start(handler: FoundHandler, message: ReceivedMessage): void {
    const call = new MessageCall(handler, message, this.service, this.tracer);
    const started = performance.now();
    this.calls.add(call);
    const work = call.run(this.options.handlerTimeout).then(({ error, context }) => {
      this.calls.delete(call);
      this.running.delete(work);
      this.report(handler, message.subject, context, performance.now() - started, error);
    });
    this.running.add(work);
  }

  private report(
    { pattern }: FoundHandler,
    subject: string,
    { requestId, span }: CallContext,
    duration: number,
    error?: RookeryError,
  ) {
    const code = error?.code ?? Code.OK;
    this.metrics.handled(pattern, code, duration);
    span?.end({ failure: error && Code[code], error: error?.cause ?? error });
    const line = { requestId, traceId: span?.traceId, subject, code: Code[code], ms: Math.round(duration * 100) / 100 };
    if (!error) this.log.info(line, 'message');
    else if (FAULTS.has(code)) this.log.error({ ...line, error: error.cause ?? error }, 'message failed');
    else this.log.info({ ...line, reason: error.message }, 'message refused');
  }

  private async drain(): Promise<void> {
    const until = Date.now() + this.options.drainTimeout;
    const left = () => Math.max(0, until - Date.now());
    await within(Promise.all(this.stops.splice(0).map((stop) => stop())), left());
    await within(Promise.all(this.running), left());
    const reason = new Unavailable('the service is shutting down; ask again', { reason: 'SHUTTING_DOWN' });
    for (const call of this.calls) call.end(reason);
    await Promise.all(this.running);
    await within(this.bus.flush(), FLUSH_TIMEOUT);
  }
}
