import { type DynamicModule, Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { ControlConnection, Transactions } from '@rookery/database';
import { DependencyRegistry, Logger, Metrics } from '@rookery/observability';
import { EventBus } from './event-bus.js';
import { EventConsumers } from './event-consumers.js';
import { EventHandlers } from './event-handlers.js';
import { Inbox } from './inbox.js';
import { InProcessBus } from './in-process.bus.js';
import { JetStreamBus } from './jetstream.bus.js';
import { MessagingConfig } from './messaging.config.js';
import { MessagingMetrics } from './messaging.metrics.js';
import { Messaging } from './messaging.js';
import { Outbox } from './outbox.js';
import { OutboxRelay } from './outbox.relay.js';

/** Optional, so that a service without a database gets an error that says what to do instead of Nest's. */
const DATABASE = { token: ControlConnection, optional: true };

/** The hub of a service that was told of no bus. */
const OWN_HUB = 'local';

/**
 * Events between services: `Outbox` to publish, `@OnEvent` to consume. Takes the bus from NATS_URL. The service needs a
 * database with `messagingEntities` and `messagingMigrations` in it.
 */
@Global()
@Module({})
export class MessagingModule {
  constructor(bus: EventBus, dependencies: DependencyRegistry) {
    // Without the bus a service still answers calls, and its events wait in the outbox.
    dependencies.register({ name: 'events', critical: false, check: async () => bus.state() });
  }

  /** @param name the service's name: the source of its events, and the group that shares the work of consuming */
  static register(name: string): DynamicModule {
    return {
      module: MessagingModule,
      imports: [DiscoveryModule],
      providers: [
        EventHandlers,
        Inbox,
        { provide: Outbox, useFactory: () => new Outbox(name) },
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
          ) => {
            const consumers = new EventConsumers(name, handlers, bus, transactions, inbox, config, metrics, logger);
            const relay = new OutboxRelay(control, bus, inbox, config, metrics, logger);
            return new Messaging(consumers, relay, bus);
          },
          inject: [
            MessagingConfig,
            EventBus,
            Inbox,
            EventHandlers,
            MessagingMetrics,
            Logger,
            { token: Transactions, optional: true },
            DATABASE,
          ],
        },
      ],
      exports: [EventBus, Outbox, Messaging],
    };
  }
}

function openBus(config: MessagingConfig, service: string, logger: Logger): EventBus {
  const url = config.url === undefined ? undefined : new URL(config.url);
  if (url === undefined || url.protocol === 'memory:')
    return new InProcessBus(url?.hostname || OWN_HUB, config, logger);
  return new JetStreamBus(config.url!, service, config, logger);
}
