export { EmbeddedPostgres, type EmbeddedPostgresOptions } from './embedded-postgres.js';
export { removeEmbeddedPostgres, stopEmbeddedPostgres } from './stop.js';
export { createDatabase } from './create-database.js';
export { freePort, isFree } from './free-port.js';
export { commandLineOf, isSameProcess, startOf } from './process-identity.js';
export { until } from './until.js';
export { logTail } from './postmaster.js';
export { withLock } from './lock.js';
