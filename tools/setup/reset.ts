import { existsSync } from 'node:fs';
import { removeEmbeddedPostgres } from '@rookery/embedded';

/** `npm run reset`: the embedded platform forgets everything. */
if (existsSync('.env')) process.loadEnvFile('.env');
const dataDir = process.env['EMBEDDED_DATA_DIR'] ?? '.rookery/postgres';
await removeEmbeddedPostgres(dataDir);
console.log(`${dataDir} is gone; the next start begins anew.`);
