import { InboxEntry } from './inbox.entity.js';
import { DelayedEvent } from './jobs/delayed-event.entity.js';
import { RecurringJob } from './jobs/recurring-job.entity.js';
import { CreateMessagingTables1700000000001 } from './migrations/1700000000001-messaging.js';
import { RelayAndJobs1700000000002 } from './migrations/1700000000002-relay-and-jobs.js';
import { OutboxMessage } from './outbox.entity.js';

/** The entities of the outbox, the inbox and the jobs, for the list of a service's own. */
export const messagingEntities = [OutboxMessage, InboxEntry, DelayedEvent, RecurringJob];

/** What creates their tables, for the list of a service's own migrations. */
export const messagingMigrations = [CreateMessagingTables1700000000001, RelayAndJobs1700000000002];
