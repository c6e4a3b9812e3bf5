import { InboxEntry } from './inbox.entity.js';
import { CreateMessagingTables1700000000001 } from './migrations/1700000000001-messaging.js';
import { OutboxMessage } from './outbox.entity.js';

/** The entities of the outbox and the inbox, for the list of a service's own. */
export const messagingEntities = [OutboxMessage, InboxEntry];

/** What creates their tables, for the list of a service's own migrations. */
export const messagingMigrations = [CreateMessagingTables1700000000001];
