import { join } from 'node:path';

/** Where `infra:up` keeps its servers: in the repository, ignored by git. */
export const infraFolder = join(import.meta.dirname, '../../.rookery/infra');

/** The databases that `infra:up` makes: one per sample service, and the variable that tells each its own. */
export const serviceDatabases = ['user_service', 'order_service', 'notification_service'] as const;
