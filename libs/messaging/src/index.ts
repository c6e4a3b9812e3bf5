export { MessagingConfig } from './messaging.config.js';
export { MessagingModule } from './messaging.module.js';
export { Messaging } from './messaging.js';
export { Outbox, type PartialMessage } from './outbox.js';
export { type EventHandler, OnEvent } from './on-event.decorator.js';
export type { Delivery, PublishedEvent, ReceivedEvent } from './event.js';
export { EventBus, type EventSubscription } from './event-bus.js';
export type { Settlement } from './settlement.js';
export { messagingEntities, messagingMigrations } from './tables.js';
