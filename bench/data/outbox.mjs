// What an event costs the transaction that adds it.
import { createDatabase } from '@rookery/embedded';
import { spread } from '../report/statistics.mjs';
import { startServer } from '../servers/start-server.mjs';
import { ENVIRONMENT, SERVERS } from './servers.mjs';
import { task } from './task.mjs';

const ROUNDS = 7;
const WARMUP_ROUNDS = 2;
const LOAD = { seconds: 2, callers: 16 };

/** The ratio of transactions with an event to those without, which are the same else: one inserted row. */
async function ratios(publisher) {
  const samples = [];
  for (let round = 0; round < WARMUP_ROUNDS + ROUNDS; round += 1) {
    const order = round % 2 === 0 ? [false, true] : [true, false];
    const perSecond = new Map();
    for (const outbox of order) perSecond.set(outbox, (await task(publisher, 'write', { ...LOAD, outbox })).perSecond);
    const sample = { plain: perSecond.get(false), outbox: perSecond.get(true) };
    console.error(`plain ${Math.round(sample.plain)}/s  outbox ${Math.round(sample.outbox)}/s`);
    if (round >= WARMUP_ROUNDS) samples.push(sample);
  }
  const over = (figure) => spread(samples.map(figure));
  return {
    ratio: over(({ plain, outbox }) => outbox / plain).median,
    plainPerSecond: over(({ plain }) => plain),
    outboxPerSecond: over(({ outbox }) => outbox),
  };
}

export async function measure({ infra, folder }) {
  const publisher = await startServer(
    {
      ...SERVERS.publisher,
      environment: {
        ...ENVIRONMENT,
        DATABASE_URL: await createDatabase(infra.databaseUrl, 'bench_outbox'),
        NATS_URL: infra.natsUrl,
      },
    },
    folder,
  );
  try {
    // Nothing is published while NATS is away: what is measured is writing, as in a replica that is not the relay.
    await infra.nats.stop();
    const writing = await ratios(publisher);
    await infra.nats.start();
    const publishing = await ratios(publisher);
    await publisher.stop();
    return { outboxToPlain: writing.ratio, outboxPublishedToPlain: publishing.ratio, outbox: { writing, publishing } };
  } finally {
    publisher.kill();
    await infra.nats.start();
  }
}
