// Measures Rookery and its peers side by side: `npm run --prefix bench bench`. See README.md.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readArguments } from './arguments.mjs';
import { conditions as machine } from './data/conditions.mjs';
import { prepare } from './prepare.mjs';
import { summarize } from './report/results.mjs';
import { selfTimes } from './report/self-time.mjs';
import { markdownTable } from './report/table.mjs';
import { noiseOf } from './report/verdict.mjs';
import { BASELINE, CONTROL } from './servers/catalogue.mjs';

const options = readArguments(process.argv.slice(2));
if (!options.asIs) await prepare(options.servers);
// These need what has just been installed or generated.
const [publishing, measuring, unaryLoad, streamLoad] = await Promise.all([
  import('./report/publish.mjs'),
  import('./measure.mjs'),
  import('./load/h2load.mjs'),
  import('./load/streams.mjs'),
]);
await unaryLoad.requireH2load();

// Requests, logs of the load and of the servers.
const folder = mkdtempSync(join(tmpdir(), 'bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

async function profileAll({ servers, ...how }) {
  for (const server of servers) {
    for (const [kind, profile] of Object.entries(await measuring.profile(server, { ...how, folder }))) {
      console.log(`\n${server.title}, ${kind}\n${selfTimes(profile).join('\n')}`);
    }
  }
}

/** The samples of each server by its name. */
async function measureAll({ servers, ...how }) {
  const samples = new Map(servers.map(({ name }) => [name, []]));
  await measuring.measureAll(servers, [BASELINE, CONTROL], { ...how, folder }, (name, sample) => {
    samples.get(name).push(sample);
    const { unary, stream } = sample;
    console.error(
      `round ${samples.get(name).length}/${how.processes * how.rounds}  ${name.padEnd(20)} ` +
        `${unary.its.perSecond.toFixed(0).padStart(7)} calls/s (${(unary.its.perSecond / unary.beside.perSecond).toFixed(2)}) ` +
        `${stream.its.perSecond.toFixed(0).padStart(8)} messages/s (${(stream.its.perSecond / stream.beside.perSecond).toFixed(2)})`,
    );
  });
  return samples;
}

function conditions({ processes, rounds, seconds, warmup }) {
  return {
    ...machine(),
    processes,
    rounds,
    seconds,
    warmupCpuSeconds: warmup,
    unary: { connections: unaryLoad.CONNECTIONS, callsEach: unaryLoad.CALLS_EACH },
    stream: {
      connections: streamLoad.CONNECTIONS,
      streamsEach: streamLoad.STREAMS_EACH,
      messagesEach: streamLoad.MESSAGES_EACH,
    },
  };
}

function describe(noise, { node, cpu, cores, pinned, processes, rounds, seconds }) {
  const where = pinned ? 'server and load pinned to a core each' : 'not pinned to cores: this system cannot';
  const verdict =
    noise.length === 0 ? 'The machine was quiet.' : `**The machine was too noisy to tell:** ${noise.join('; ')}.`;
  return `Node.js ${node}, ${cpu}, ${cores} cores, ${where}; medians of ${rounds} rounds of ${seconds} s in each of ${processes} processes. ${verdict}`;
}

if (options.profile) await profileAll(options);
else {
  const servers = summarize(options.servers, await measureAll(options));
  const noise = noiseOf(servers);
  const report = { measured: new Date().toISOString(), conditions: conditions(options), noise, servers };
  const markdown = `${describe(noise, report.conditions)}\n\n${markdownTable(servers)}`;
  console.log(markdown);
  if (options.complete) await publishing.publish({ report, markdown });
}
