// How quickly a backlog is published, how quickly events are handled, and how long one is on its way.
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { createDatabase } from '@rookery/embedded';
import { quantile, spread } from '../report/statistics.mjs';
import { startServer } from '../servers/start-server.mjs';
import { ENVIRONMENT, SERVERS } from './servers.mjs';
import { task } from './task.mjs';

const STREAM = 'order_v1';
const BACKLOG = 100_000;
/** Handled before the clock starts, so that V8 has its code; and then in each round. */
const HANDLED = { warmUp: 5_000, counted: 10_000, rounds: 9 };
const PACE = { perSecond: 500, callers: 20 };
const SECONDS = { warmUp: 5, counted: 10, rounds: 5 };
const LOOK = 20;

async function until(value, reached) {
  for (;;) {
    const current = await value();
    if (reached(current)) return current;
    await sleep(LOOK);
  }
}

/** Publishes a backlog that arose while NATS was away. @returns events per second */
async function drain(infra, publisher) {
  await infra.nats.stop();
  await task(publisher, 'fill', { events: BACKLOG, callers: 8 });
  await infra.nats.start();
  const nats = await connect({ servers: infra.natsUrl });
  try {
    const streams = (await jetstreamManager(nats)).streams;
    const stored = async () => ({
      count: await streams.info(STREAM).then(
        ({ state }) => state.messages,
        () => 0,
      ),
      at: performance.now(),
    });
    const first = await until(stored, ({ count }) => count > 0);
    const last = await until(stored, ({ count }) => count >= BACKLOG);
    return ((last.count - first.count) / (last.at - first.at)) * 1_000;
  } finally {
    await nats.close();
  }
}

/** Has a new service handle what the stream holds. @returns events per second, of each round */
async function consume(infra, consumer) {
  const handled = (count) =>
    until(
      () => task(consumer, 'progress'),
      (progress) => progress.handled >= count,
    );
  const rounds = [];
  let first = await handled(HANDLED.warmUp);
  while (rounds.length < HANDLED.rounds) {
    const last = await handled(first.handled + HANDLED.counted);
    rounds.push(((last.handled - first.handled) / (last.at - first.at)) * 1_000);
    first = last;
  }
  const nats = await connect({ servers: infra.natsUrl });
  await (await jetstreamManager(nats)).streams.purge(STREAM);
  await nats.close();
  return rounds;
}

/** Milliseconds from the commit of an event to the start of its handler. */
async function latencies(publisher, consumer, seconds) {
  await task(consumer, 'starts');
  const { commits, perSecond } = await task(publisher, 'pace', { ...PACE, seconds });
  const starts = new Map();
  await until(
    async () => {
      for (const [id, at] of (await task(consumer, 'starts')).starts) if (!starts.has(id)) starts.set(id, at);
      return commits.filter(([id]) => !starts.has(id)).length;
    },
    (missing) => missing === 0,
  );
  // A handler may start before its publisher has read the answer to its COMMIT.
  return { perSecond, took: Float64Array.from(commits, ([id, at]) => Math.max(0, starts.get(id) - at)).sort() };
}

export async function measure({ infra, folder }) {
  const service = async (server, name, role) => {
    const url = await createDatabase(infra.databaseUrl, name);
    const environment = { ...ENVIRONMENT, DATABASE_URL: url, NATS_URL: infra.natsUrl };
    return startServer({ ...server, role, environment }, folder);
  };
  const running = [];
  try {
    const publisher = await service(SERVERS.publisher, 'bench_publisher', 'server');
    running.push(publisher);
    const backlog = await drain(infra, publisher);
    console.error(`backlog ${Math.round(backlog)}/s`);
    // On the other core: the two are different services.
    const consumer = await service(SERVERS.consumer, 'bench_consumer', 'load');
    running.push(consumer);
    const consumed = await consume(infra, consumer);
    console.error(`consumed ${consumed.map((round) => `${Math.round(round)}/s`).join('  ')}`);
    await latencies(publisher, consumer, SECONDS.warmUp);
    const onTheirWay = [];
    while (onTheirWay.length < SECONDS.rounds) {
      const { took, perSecond } = await latencies(publisher, consumer, SECONDS.counted);
      const round = { perSecond, p50: quantile(took, 0.5), p99: quantile(took, 0.99), longest: took.at(-1) };
      onTheirWay.push(round);
      console.error(`p50 ${round.p50.toFixed(1)} ms  p99 ${round.p99.toFixed(1)} ms`);
    }
    for (const server of running) await server.stop();
    const middle = (figure) => spread(onTheirWay.map((round) => round[figure])).median;
    return {
      backlog,
      consumed: spread(consumed).median,
      eventsPerSecond: middle('perSecond'),
      p50: middle('p50'),
      p99: middle('p99'),
      rounds: { consumed, onTheirWay },
    };
  } finally {
    for (const server of running) server.kill();
  }
}
