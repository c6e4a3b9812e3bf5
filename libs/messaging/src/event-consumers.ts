import type { Transactions } from '@rookery/database';
import type { Logger } from '@rookery/observability';
import { type Delivery, receivedEvent } from './event.js';
import type { EventBus } from './event-bus.js';
import { EventCalls } from './event-calls.js';
import type { EventHandlers, FoundHandler } from './event-handlers.js';
import type { Inbox } from './inbox.js';
import { consumerName } from './jetstream-names.js';
import type { DeliveryOutcome, MessagingMetrics } from './messaging.metrics.js';
import { orAborted } from './or-aborted.js';
import { DONE, type DeliveryPolicy, type Settlement, settleFailure } from './settlement.js';

/** What consuming takes from the configuration; milliseconds. */
export interface ConsumingOptions extends DeliveryPolicy {
  readonly handlerTimeout: number;
}

/** Brings events from the bus to the `@OnEvent` handlers: context, inbox and handler in one transaction, one log line. */
export class EventConsumers {
  private readonly calls: EventCalls;
  private stops: (() => Promise<void>)[] = [];

  constructor(
    private readonly service: string,
    private readonly handlers: EventHandlers,
    private readonly bus: EventBus,
    private readonly transactions: Transactions,
    private readonly inbox: Inbox,
    private readonly options: ConsumingOptions,
    private readonly metrics: MessagingMetrics,
    private readonly logger: Logger,
  ) {
    this.calls = new EventCalls(options.handlerTimeout);
  }

  /** @throws what `EventHandlers.find` throws. */
  start(): void {
    for (const handler of this.handlers.find()) {
      const { $type: type } = handler.codec;
      const consumer = consumerName(this.service, type);
      const handle = (delivery: Delivery) => this.consume(handler, consumer, delivery);
      this.stops.push(this.bus.subscribe({ group: this.service, type, handle }));
    }
  }

  /** No new deliveries; waits for the running handlers, and ends those that take too long for the bus. */
  async stop(): Promise<void> {
    await Promise.all(this.stops.splice(0).map((stop) => stop()));
    this.calls.endAll();
  }

  private consume(handler: FoundHandler, consumer: string, delivery: Delivery): Promise<Settlement> {
    return this.calls.run(delivery.event, async (signal) => {
      const started = performance.now();
      try {
        // A handler that does not listen to its signal must not keep its place for ever. Its transaction is undone.
        const fresh = await orAborted(this.handle(handler, consumer, delivery), signal);
        this.report(delivery, fresh ? 'handled' : 'duplicate', started);
        return DONE;
      } catch (error) {
        const settlement = settleFailure(error, delivery.attempt, this.options);
        this.report(delivery, settlement.kind === 'dead' ? 'dead' : 'retry', started, { error, ...settlement });
        return settlement;
      }
    });
  }

  /** @returns false when the event was handled before */
  private handle(handler: FoundHandler, consumer: string, delivery: Delivery): Promise<boolean> {
    const event = receivedEvent(handler.codec, delivery);
    return this.transactions.run(async (tx) => {
      const fresh = await this.inbox.note(tx, consumer, event.id);
      if (fresh) await handler.handle(event, tx);
      return fresh;
    });
  }

  private report(
    { event, attempt }: Delivery,
    outcome: DeliveryOutcome,
    started: number,
    failure?: { error: unknown; delay?: number },
  ): void {
    const duration = performance.now() - started;
    this.metrics.delivered(event.type, outcome, duration);
    const line = { event: event.id, type: event.type, attempt, ms: Math.round(duration * 100) / 100 };
    if (!failure) this.logger.info(line, `event ${outcome}`);
    else this.logger.warn({ ...line, error: failure.error, delay: failure.delay }, `event failed: ${outcome}`);
  }
}
