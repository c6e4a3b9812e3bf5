import { type DynamicModule, Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { ControlConnection, Transactions } from '@rookery/database';
import { DependencyRegistry, Logger, Metrics, Tracer } from '@rookery/observability';
import { coreExports, coreProviders } from './core/core.providers.js';
import { MessageServer } from './core/message.server.js';
import { AdvisoryLeases } from './advisory-leases.js';
import { EventBus } from './event-bus.js';
import { EventConsumers } from './event-consumers.js';
import { EventHandlers } from './event-handlers.js';
import { Inbox } from './inbox.js';
import { InProcessBus } from './in-process.bus.js';
import { Clock } from './jobs/clock.js';
import { DelayedEvents } from './jobs/delayed-events.js';
import { JobMethods } from './jobs/job-methods.js';
import { RecurringJobs } from './jobs/recurring-jobs.js';
import { JetStreamBus } from './jetstream.bus.js';
import { MessagingConfig } from './messaging.config.js';
import { MessagingMetrics } from './messaging.metrics.js';
import { Messaging } from './messaging.js';
import { Outbox } from './outbox.js';
import { OutboxRelay } from './outbox.relay.js';
import { OutboxWake } from './outbox-wake.js';

/** Optional, so that a service without a database gets an error that says what to do instead of Nest's. */
const DATABASE = { token: ControlConnection, optional: true };
const TRANSACTIONS = { token: Transactions, optional: true };

/** The hub of a service that was told of no bus. */
const OWN_HUB = 'local';

/**
 * Events between services: `Outbox` to publish, `@OnEvent` to consume. Takes the bus from NATS_URL. The service needs a
 * database with `messagingEntities` and `messagingMigrations` in it.
 */
@Global()
@Module({})
export class MessagingModule {
  constructor(bus: EventBus, messaging: Messaging, dependencies: DependencyRegistry) {
    // Without the bus a service still answers calls, and its events wait in the outbox.
    dependencies.register({ name: 'events', critical: false, check: async () => bus.state() });
    dependencies.register({ name: 'outbox', critical: false, check: async () => messaging.outboxState() });
  }

  /** @param name the service's name: the source of its events, and the group that shares the work of consuming */
  static register(name: string): DynamicModule {
    return {
      module: MessagingModule,
      imports: [DiscoveryModule],
      providers: [
        ...coreProviders(name),
        EventHandlers,
        { provide: Inbox, useFactory: (transactions: Transactions) => new Inbox(transactions), inject: [TRANSACTIONS] },
        JobMethods,
        Clock,
        {
          provide: OutboxWake,
          useFactory: (control: ControlConnection) => new OutboxWake(control),
          inject: [DATABASE],
        },
        {
          provide: Outbox,
          useFactory: (transactions: Transactions, wake: OutboxWake) => new Outbox(name, transactions, wake),
          inject: [TRANSACTIONS, OutboxWake],
        },
        {
          provide: RecurringJobs,
          useFactory: (
            methods: JobMethods,
            control: ControlConnection,
            clock: Clock,
            config: MessagingConfig,
            metrics: MessagingMetrics,
            logger: Logger,
            tracer: Tracer,
          ) => new RecurringJobs(() => methods.find(), control, clock, config, metrics, logger, tracer),
          inject: [JobMethods, DATABASE, Clock, MessagingConfig, MessagingMetrics, Logger, Tracer],
        },
        {
          provide: MessagingMetrics,
          useFactory: (metrics: Metrics) => new MessagingMetrics(metrics),
          inject: [Metrics],
        },
        {
          provide: EventBus,
          useFactory: (config: MessagingConfig, logger: Logger, database?: ControlConnection) => {
            if (!database) {
              throw new Error(`messaging of ${name} needs a database for its outbox and inbox: add \`database\``);
            }
            return openBus(config, name, logger);
          },
          inject: [MessagingConfig, Logger, DATABASE],
        },
        {
          provide: Messaging,
          useFactory: (
            config: MessagingConfig,
            bus: EventBus,
            inbox: Inbox,
            handlers: EventHandlers,
            metrics: MessagingMetrics,
            logger: Logger,
            transactions: Transactions,
            control: ControlConnection,
            wake: OutboxWake,
            jobs: RecurringJobs,
            messages: MessageServer,
            tracer: Tracer,
          ) => {
            const leases = new AdvisoryLeases(control);
            const consumers = new EventConsumers(
              name,
              handlers,
              bus,
              transactions,
              inbox,
              leases,
              config,
              metrics,
              logger,
              tracer,
            );
            const duties = { delayed: new DelayedEvents(control), jobs, inbox };
            const relay = new OutboxRelay(control, bus, wake, duties, config, metrics, logger);
            return new Messaging(consumers, jobs, relay, bus, messages);
          },
          inject: [
            MessagingConfig,
            EventBus,
            Inbox,
            EventHandlers,
            MessagingMetrics,
            Logger,
            TRANSACTIONS,
            DATABASE,
            OutboxWake,
            RecurringJobs,
            MessageServer,
            Tracer,
          ],
        },
      ],
      exports: [EventBus, Outbox, Messaging, ...coreExports],
    };
  }
}

function openBus(config: MessagingConfig, service: string, logger: Logger): EventBus {
  const url = config.url === undefined ? undefined : new URL(config.url);
  if (url === undefined || url.protocol === 'memory:')
    return new InProcessBus(url?.hostname || OWN_HUB, config, logger);
  return new JetStreamBus(config.url!, service, config, logger);
}
