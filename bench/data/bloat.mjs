// How large the outbox is when a million events have gone through it.
import { setTimeout as sleep } from 'node:timers/promises';
import { createDatabase } from '@rookery/embedded';
import pg from 'pg';
import { startServer } from '../servers/start-server.mjs';
import { ENVIRONMENT, SERVERS } from './servers.mjs';
import { task } from './task.mjs';

const EVENTS = 1_000_000;
/** Written while what was written before is published, so that rows come and go all the time. */
const PART = 20_000;
/** Milliseconds. */
const LOOK = { filling: 50, after: 500 };
/** PostgreSQL's own vacuum begins within a minute (`autovacuum_naptime`) and gives the empty end of a table back. */
const PATIENCE = 150_000;
const MB = 1_000_000;

const SIZE = `SELECT pg_total_relation_size('outbox')::float8 AS bytes, (SELECT count(*) FROM outbox)::int AS waiting`;

export async function measure({ infra, folder }) {
  const url = await createDatabase(infra.databaseUrl, 'bench_bloat');
  const environment = { ...ENVIRONMENT, DATABASE_URL: url, NATS_URL: infra.natsUrl };
  const publisher = await startServer({ ...SERVERS.publisher, environment }, folder);
  const database = new pg.Client({ connectionString: url });
  try {
    await database.connect();
    const look = async () => (await database.query(SIZE)).rows[0];
    let largest = 0;
    for (let written = 0; written < EVENTS; written += PART) {
      await task(publisher, 'fill', { events: PART, callers: 8 });
      for (;;) {
        const { bytes, waiting } = await look();
        largest = Math.max(largest, bytes);
        if (waiting < PART / 2) break;
        await sleep(LOOK.filling);
      }
    }
    const startedAt = performance.now();
    let last = await look();
    while (last.waiting > 0) {
      await sleep(LOOK.after);
      last = await look();
    }
    for (let { bytes } = last; performance.now() - startedAt < PATIENCE; bytes = last.bytes) {
      await sleep(LOOK.after);
      last = await look();
      if (last.bytes < bytes) console.error(`outbox ${(last.bytes / MB).toFixed(1)} MB`);
    }
    await publisher.stop();
    return { outboxMegabytes: last.bytes / MB, outboxLargestMegabytes: largest / MB };
  } finally {
    publisher.kill();
    await database.end();
  }
}
