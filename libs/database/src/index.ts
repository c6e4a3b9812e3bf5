export { DatabaseConfig } from './database.config.js';
export { type DatabaseOptions, DatabaseModule } from './database.module.js';
export { ChangeFeed } from './change-feed.js';
export { ControlConnection } from './control-connection.js';
export {
  type MigrationState,
  driftOfDatabase,
  listMigrations,
  migrateDatabase,
  revertMigration,
} from './migration-commands.js';
export type { SchemaDrift } from './schema-drift.js';
export { type Page, type PageRequest, keysetPage } from './keyset-page.js';
export { ReadOnly } from './read-only.js';
export { ServiceDataSource } from './service-data-source.js';
export { type IsolationLevel, type TransactionOptions, Transactions } from './transactions.js';
export { newId } from './new-id.js';
