import type { Provider } from '@nestjs/common';
import { ExternalContextCreator, ModulesContainer } from '@nestjs/core';
import { ClientProxy } from '@nestjs/microservices';
import { Logger, Metrics, Tracer } from '@rookery/observability';
import { EventBus } from '../event-bus.js';
import { InProcessBus } from '../in-process.bus.js';
import { JetStreamBus } from '../jetstream.bus.js';
import { MessagingConfig } from '../messaging.config.js';
import { InProcessMessageBus } from './in-process.message-bus.js';
import { MessageBus } from './message-bus.js';
import { MessageClientProxy } from './message-client.proxy.js';
import { MessageClient } from './message.client.js';
import { MessageHandlers } from './message-handlers.js';
import { MessageMetrics } from './message.metrics.js';
import { MessageServer } from './message.server.js';
import { NatsMessageBus } from './nats.message-bus.js';

/** Messages go the way of the events: over the same connection, or through the same hub. */
function openMessageBus(events: EventBus, logger: Logger): MessageBus {
  if (events instanceof JetStreamBus) return new NatsMessageBus(events.client, logger);
  if (events instanceof InProcessBus) return new InProcessMessageBus(events.hub);
  throw new TypeError('messages need an event bus whose connection they can share');
}

/** What messages are made of in the service `name`. */
export function coreProviders(name: string): Provider[] {
  return [
    { provide: MessageBus, useFactory: openMessageBus, inject: [EventBus, Logger] },
    { provide: MessageClient, useFactory: (bus: MessageBus) => new MessageClient(bus), inject: [MessageBus] },
    {
      provide: ClientProxy,
      useFactory: (client: MessageClient) => new MessageClientProxy(client),
      inject: [MessageClient],
    },
    {
      provide: MessageServer,
      useFactory: (
        bus: MessageBus,
        modules: ModulesContainer,
        creator: ExternalContextCreator,
        config: MessagingConfig,
        metrics: Metrics,
        logger: Logger,
        tracer: Tracer,
      ) => {
        const handlers = new MessageHandlers(modules, creator);
        return new MessageServer(name, bus, handlers, config, new MessageMetrics(metrics), logger, tracer);
      },
      inject: [MessageBus, ModulesContainer, ExternalContextCreator, MessagingConfig, Metrics, Logger, Tracer],
    },
  ];
}

/** What of it the service's own code may inject, and what has to be connected to the application. */
export const coreExports = [MessageClient, ClientProxy, MessageServer];
