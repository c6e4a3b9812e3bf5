import { callContext, failureName, orAborted } from '@rookery/context';
import type { Transactions } from '@rookery/database';
import type { Logger, Tracer } from '@rookery/observability';
import { type Delivery, inboxId, receivedEvent } from './event.js';
import type { EventBus } from './event-bus.js';
import { EventCalls } from './event-calls.js';
import type { EventHandlers, FoundHandler } from './event-handlers.js';
import { FailureCounts } from './failure-counts.js';
import type { Inbox } from './inbox.js';
import { consumerName } from './jetstream-names.js';
import type { Leases } from './leases.js';
import type { DeliveryOutcome, MessagingMetrics } from './messaging.metrics.js';
import type { HandlerOptions } from './on-event.decorator.js';
import { RateLimit } from './rate-limit.js';
import { DONE, type DeliveryPolicy, type Settlement, isOutage, settleFailure } from './settlement.js';

/** What consuming takes from the configuration; milliseconds. */
export interface ConsumingOptions extends DeliveryPolicy {
  readonly concurrency: number;
  readonly handlerTimeout: number;
}

const AT_ONCE: Settlement = { kind: 'retry', delay: 0 };

/** A handler, and what its deliveries go by. */
interface Route {
  readonly handler: FoundHandler;
  /** Its name in the inbox. */
  readonly consumer: string;
  readonly rate: RateLimit | undefined;
  readonly failures: FailureCounts;
  readonly options: ConsumingOptions;
}

/** Brings events from the bus to the `@OnEvent` handlers: context, inbox and handler in one transaction, one log line. */
export class EventConsumers {
  private readonly calls: EventCalls;
  private readonly stopping = new AbortController();
  private stops: (() => Promise<void>)[] = [];

  constructor(
    private readonly service: string,
    private readonly handlers: EventHandlers,
    private readonly bus: EventBus,
    private readonly transactions: Transactions,
    private readonly inbox: Inbox,
    private readonly leases: Leases,
    private readonly options: ConsumingOptions,
    private readonly metrics: MessagingMetrics,
    private readonly logger: Logger,
    tracer: Tracer,
  ) {
    this.calls = new EventCalls(tracer);
  }

  /** @throws what `EventHandlers.find` throws. */
  start(): void {
    for (const handler of this.handlers.find()) {
      const { codec, options } = handler;
      const rate = options.rateInterval === undefined ? undefined : new RateLimit(options.rateInterval);
      const route = {
        handler,
        consumer: consumerName(this.service, codec.$type),
        rate,
        failures: new FailureCounts(),
        options: this.optionsOf(options),
      };
      const stop = this.bus.subscribe({
        group: this.service,
        type: codec.$type,
        concurrency: route.options.concurrency,
        ordered: options.ordered ? this.leases : undefined,
        handle: (delivery) => this.consume(route, delivery),
        buried: async (event) => {
          await this.inbox.noteDead(route.consumer, inboxId(event));
          // Not sooner: while the letter cannot be stored, the event is dead each time it comes.
          route.failures.forget(event.id);
        },
        dropped: ({ id }) => route.failures.forget(id),
      });
      this.stops.push(stop);
    }
    this.metrics.watch(() => this.bus.consumers());
  }

  /** No new deliveries; waits for the running handlers, and ends those that take too long for the bus. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.stops.splice(0).map((stop) => stop()));
    this.calls.endAll();
  }

  private optionsOf(own: HandlerOptions): ConsumingOptions {
    const { options: usual } = this;
    return {
      concurrency: own.concurrency ?? usual.concurrency,
      maxDeliveries: own.maxDeliveries ?? usual.maxDeliveries,
      backoffFirst: own.backoffFirst ?? usual.backoffFirst,
      backoffLongest: own.backoffLongest ?? usual.backoffLongest,
      handlerTimeout: own.handlerTimeout ?? usual.handlerTimeout,
    };
  }

  private async consume(
    { handler, consumer, rate, failures, options }: Route,
    delivery: Delivery,
  ): Promise<Settlement> {
    try {
      await rate?.turn(this.stopping.signal);
    } catch {
      // Another replica may have it; it was not tried.
      return AT_ONCE;
    }
    return this.calls.run(delivery.event, options.handlerTimeout, async (signal) => {
      const started = performance.now();
      this.metrics.arrived(delivery.event);
      try {
        // A handler that does not listen to its signal must not keep its place for ever. Its transaction is undone.
        const fresh = await orAborted(this.handle(handler, consumer, delivery), signal);
        this.report(delivery, fresh ? 'handled' : 'duplicate', started);
        failures.forget(delivery.event.id);
        return DONE;
      } catch (error) {
        const settlement = settleFailure(error, failures.add(delivery.event.id, isOutage(error)), options);
        const delay = settlement.kind === 'retry' ? settlement.delay : undefined;
        this.report(delivery, settlement.kind === 'dead' ? 'dead' : 'retry', started, { error, delay });
        return settlement;
      }
    });
  }

  /** @returns false when the event was handled before */
  private async handle(handler: FoundHandler, consumer: string, delivery: Delivery): Promise<boolean> {
    const event = receivedEvent(handler.codec, delivery);
    const id = inboxId(delivery.event);
    if (!delivery.fresh) {
      return this.transactions.run(async (tx) => {
        const fresh = await (delivery.replayed
          ? this.inbox.noteReplay(tx, consumer, id)
          : this.inbox.note(tx, consumer, id));
        if (fresh) await handler.handle(event, tx);
        return fresh;
      });
    }
    try {
      await this.transactions.run(async (tx) => {
        await this.inbox.noteWithNext(tx, consumer, id);
        await handler.handle(event, tx);
      });
      return true;
    } catch (error) {
      // Perhaps because it was no news after all; while that cannot be told, because of what it says.
      if (await this.inbox.has(consumer, id).catch(() => false)) return false;
      throw error;
    }
  }

  private report(
    { event, attempt }: Delivery,
    outcome: DeliveryOutcome,
    started: number,
    failure?: { error: unknown; delay?: number },
  ): void {
    const duration = performance.now() - started;
    this.metrics.delivered(event.type, outcome, duration);
    callContext()?.span?.end({
      attributes: { 'rookery.event.attempt': attempt, 'rookery.event.outcome': outcome },
      ...(failure && { failure: failureName(failure.error), error: failure.error }),
    });
    const line = { event: event.id, type: event.type, attempt, ms: Math.round(duration * 100) / 100 };
    if (!failure) this.logger.info(line, `event ${outcome}`);
    else this.logger.warn({ ...line, error: failure.error, delay: failure.delay }, `event failed: ${outcome}`);
  }
}
