// What recording traces costs a service: `npm run --prefix bench traces`. See README.md.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { conditions } from './data/conditions.mjs';
import { prepare } from './prepare.mjs';
import { summarize } from './report/results.mjs';
import { markdownTable } from './report/table.mjs';
import { SERVERS } from './servers/catalogue.mjs';

const HOW = { processes: 3, rounds: 5, seconds: 1, warmup: 4 };

const everything = SERVERS.find(({ name }) => name === 'rookery-everything');
if (!process.argv.includes('--as-is')) await prepare([everything]);
const [{ measureAll }, { requireH2load }, { publishFigures }] = await Promise.all([
  import('./measure.mjs'),
  import('./load/h2load.mjs'),
  import('./report/publish.mjs'),
]);
await requireH2load();

const folder = mkdtempSync(join(tmpdir(), 'bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

// A collector that takes everything and keeps nothing.
const collector = createServer((request, response) => void request.resume().on('end', () => response.end()));
collector.listen(0, '127.0.0.1');
await once(collector, 'listening');

const traced = (name, title, share) => ({
  ...everything,
  name,
  title,
  environment: {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.address().port}`,
    OTEL_TRACES_SAMPLER_ARG: String(share),
  },
});
const servers = [
  { ...everything, name: 'off', title: 'No traces' },
  { ...everything, name: 'off-again', title: 'No traces (again)' },
  traced('hundredth', 'One of 100 calls', 0.01),
  traced('tenth', 'One of 10 calls', 0.1),
  traced('all', 'Every call', 1),
];
const samples = new Map(servers.map(({ name }) => [name, []]));
await measureAll(servers, ['off', 'off-again'], { ...HOW, folder }, (name, sample) => {
  samples.get(name).push(sample);
  const { its, beside } = sample.unary;
  console.error(
    `${name.padEnd(10)} ${its.perSecond.toFixed(0)} calls/s (${(its.perSecond / beside.perSecond).toFixed(2)})`,
  );
});
collector.closeAllConnections();
collector.close();

const results = summarize(servers, samples);
const { node, cpu, cores } = conditions();
const markdown = [
  `Node.js ${node}, ${cpu}, ${cores} cores; medians of ${HOW.rounds} rounds of ${HOW.seconds} s in each of ${HOW.processes} processes.`,
  markdownTable(results),
].join('\n\n');
console.log(markdown);
await publishFigures('traces', {
  report: { measured: new Date().toISOString(), conditions: conditions(), servers: results },
  markdown,
});
