import { removeEmbeddedPostgres } from '@rookery/embedded';

/** `npm run reset`: the embedded platform forgets everything. */
const dataDir = process.env['EMBEDDED_DATA_DIR'] ?? '.rookery/postgres';
await removeEmbeddedPostgres(dataDir);
console.log(`${dataDir} is gone; the next start begins anew.`);
