// How many queries 1,000 callers of one key cost when nobody has it in the cache and three processes are asked.
import { setTimeout as sleep } from 'node:timers/promises';
import { credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { createDatabase } from '@rookery/embedded';
import pg from 'pg';
import { PROTO } from '../load/proto.mjs';
import { startServer } from '../servers/start-server.mjs';
import { ENVIRONMENT, SERVERS } from './servers.mjs';

const PROCESSES = 3;
const CALLS = 1_000;
const ROUNDS = 3;
/** Until the last call has surely reached its process, in milliseconds. */
const ARRIVAL = 300;
const SESSIONS_END = 1_000;

const Service = loadPackageDefinition(loadSync(PROTO)).bench.v1.BenchService;

function call(client, id) {
  return new Promise((resolve, reject) => {
    const options = { deadline: Date.now() + 20_000 };
    client.getItem({ id, revision: 1 }, options, (error, item) => (error ? reject(error) : resolve(item.id)));
  });
}

/** Calls that reach neither the cache nor the database, so that connections and code are warm. */
async function warmUp(client) {
  for (let called = 0; called < 100; called += 1) await client.streamItems({ id: itemId(0), count: 10 }).toArray();
}

const itemId = (number) => `018f0000-0000-7000-8000-${String(number).padStart(12, '0')}`;

/** Nobody gets a row until all have asked: the table is locked meanwhile. */
async function stampede(database, clients, id) {
  await database.query('BEGIN');
  await database.query('LOCK TABLE items IN ACCESS EXCLUSIVE MODE');
  const calls = Array.from({ length: CALLS }, (_, index) => call(clients[index % clients.length], id));
  await sleep(ARRIVAL);
  await database.query('COMMIT');
  const ids = new Set(await Promise.all(calls));
  if (ids.size !== 1 || !ids.has(id)) throw new Error(`Asked for ${id}, got ${[...ids].join()}`);
}

/** How often a row was looked up, as PostgreSQL counts it. */
async function lookUps(database) {
  const { rows } = await database.query(
    "SELECT idx_scan::int AS count FROM pg_stat_user_indexes WHERE relname = 'items'",
  );
  if (rows[0].count === 0) throw new Error('PostgreSQL counted no look-up; it has read the table another way');
  return rows[0].count;
}

export async function measure({ infra, folder }) {
  const url = await createDatabase(infra.databaseUrl, 'bench_flight');
  const environment = { ...ENVIRONMENT, DATABASE_URL: url, REDIS_URL: infra.redisUrl };
  const servers = [];
  const database = new pg.Client({ connectionString: url });
  await database.connect();
  try {
    for (let started = 0; started < PROCESSES; started += 1) {
      servers.push(await startServer({ ...SERVERS.cached, environment }, folder));
    }
    const clients = servers.map(({ port }) => new Service(`127.0.0.1:${port}`, credentials.createInsecure()));
    await Promise.all(clients.map(warmUp));
    for (let round = 0; round < ROUNDS; round += 1) await stampede(database, clients, itemId(100 + round));
    for (const client of clients) client.close();
    // PostgreSQL adds what a session has counted when the session ends, at the latest.
    await Promise.all(servers.map((server) => server.stop()));
    await sleep(SESSIONS_END);
    return { queries: (await lookUps(database)) / ROUNDS };
  } finally {
    for (const server of servers) server.kill();
    await database.end();
  }
}
