// A hit in the cache through gRPC beside the same call from the database, and beside the same call with neither.
import { createDatabase } from '@rookery/embedded';
import { h2load } from '../load/h2load.mjs';
import { verify } from '../load/verify.mjs';
import { warmUp } from '../measure.mjs';
import { spread } from '../report/statistics.mjs';
import { startServer } from '../servers/start-server.mjs';
import { ENVIRONMENT, SERVERS } from './servers.mjs';

const PROCESSES = 2;
const ROUNDS = 5;
const SECONDS = 1;
/** CPU seconds, as the other benchmark spends on it. */
const WARMUP = 4;

/** All run side by side, one is loaded at a time, in an order that moves on: as in measure.mjs. */
async function rounds(kinds, folder, samples) {
  const running = new Map();
  try {
    for (const [kind, server] of Object.entries(kinds)) {
      const started = await startServer(server, folder);
      running.set(kind, started);
      await started.during(verify(started.port));
      await warmUp(started, WARMUP, (seconds) => h2load(started.port, seconds, folder));
    }
    const names = [...running.keys()];
    for (let round = 0; round < ROUNDS; round += 1) {
      const sample = {};
      for (const kind of [...names.slice(round % names.length), ...names.slice(0, round % names.length)]) {
        const { port, during } = running.get(kind);
        sample[kind] = (await during(h2load(port, SECONDS, folder))).perSecond;
      }
      samples.push(sample);
      console.error(
        Object.entries(sample)
          .map(([kind, perSecond]) => `${kind} ${Math.round(perSecond)}/s`)
          .join('  '),
      );
    }
    for (const server of running.values()) await server.stop();
  } finally {
    for (const server of running.values()) server.kill();
  }
}

export async function measure({ infra, folder }) {
  const url = await createDatabase(infra.databaseUrl, 'bench_hits');
  const environment = { ...ENVIRONMENT, DATABASE_URL: url };
  const kinds = {
    neither: { ...SERVERS.neither, environment: ENVIRONMENT },
    database: { ...SERVERS.stored, environment },
    redis: { ...SERVERS.cached, environment: { ...environment, REDIS_URL: infra.redisUrl } },
    memory: { ...SERVERS.cached, environment },
  };
  const samples = [];
  for (let process = 0; process < PROCESSES; process += 1) await rounds(kinds, folder, samples);
  const ratio = (one, other) => spread(samples.map((sample) => sample[one] / sample[other])).median;
  return {
    redisToDatabase: ratio('redis', 'database'),
    memoryToDatabase: ratio('memory', 'database'),
    redisToNeither: ratio('redis', 'neither'),
    memoryToNeither: ratio('memory', 'neither'),
    callsPerSecond: Object.fromEntries(
      Object.keys(kinds).map((kind) => [kind, spread(samples.map((sample) => sample[kind]))]),
    ),
  };
}
