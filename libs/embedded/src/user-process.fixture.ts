import { EmbeddedPostgres } from './embedded-postgres.js';

// A second process for the spec: uses the server of argv[2] until its stdin ends, then lets go. Prints pid and URL.
const postgres = await EmbeddedPostgres.start({ dataDir: process.argv[2]!, settings: { fsync: 'off' } });
console.log(JSON.stringify({ pid: postgres.pid, url: postgres.url }));
process.stdin.resume().once('end', () => void postgres.release());
