// Whether memory stays flat: `npm run --prefix bench soak`. A million calls and ten thousand cancelled streams on a
// service with everything; prints what the process holds along the way.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare } from './prepare.mjs';
import { SERVERS } from './servers/catalogue.mjs';
import { startServer } from './servers/start-server.mjs';

// `node soak.mjs streams` leaves the calls out.
const only = process.argv[2];
const CALLS = { warmup: 200_000, all: 1_000_000, step: 100_000 };
const STREAMS = { warmup: 6_000, all: 10_000, step: 1_000 };

const server = SERVERS.find(({ name }) => name === 'rookery-everything');
await prepare([server]);
const [{ requireH2load, callTimes }, { cancelStreams }] = await Promise.all([
  import('./load/h2load.mjs'),
  import('./load/cancel-streams.mjs'),
]);
await requireH2load();

const folder = mkdtempSync(join(tmpdir(), 'soak-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const running = await startServer(server, folder);
const mb = async () => Math.round((await running.ask('usage')).rssBytes / 1e6);

/** Resident megabytes before, and after each step. */
async function soak(what, { warmup, all, step }, load) {
  await running.during(load(warmup));
  const held = [await mb()];
  for (let done = 0; done < all; done += step) {
    await running.during(load(step));
    held.push(await mb());
  }
  const growth = held.at(-1) - held[0];
  console.log(`${all.toLocaleString('en')} ${what} after ${warmup.toLocaleString('en')} to warm up`);
  console.log(
    `  resident MB, every ${step.toLocaleString('en')}: ${held.join(' ')} (${growth > 0 ? '+' : ''}${growth})`,
  );
}

try {
  if (only !== 'streams') await soak('calls', CALLS, (count) => callTimes(running.port, count, folder));
  await soak('cancelled streams', STREAMS, (count) => cancelStreams(running.port, count));
  await running.stop();
} catch (error) {
  running.kill();
  throw error;
}
