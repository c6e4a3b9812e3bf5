export { DatabaseConfig } from './database.config.js';
export { type DatabaseOptions, DatabaseModule } from './database.module.js';
export { ChangeFeed } from './change-feed.js';
export { ControlConnection } from './control-connection.js';
export { migrateDatabase } from './connect.js';
export { type Page, type PageRequest, keysetPage } from './keyset-page.js';
export { ServiceDataSource } from './service-data-source.js';
export { Transactions } from './transactions.js';
export { newId } from './new-id.js';
