import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { chart } from './chart.mjs';
import { betweenMarkers } from './markers.mjs';

const bench = dirname(dirname(fileURLToPath(import.meta.url)));
const docs = join(dirname(bench), 'docs/bench');

/** As the repository's formatter wants it: these files are checked like all others. */
async function write(path, text) {
  writeFileSync(path, await format(text, { ...(await resolveConfig(path)), filepath: path }));
}

/** Writes the figures of one of the other benchmarks, `data` or `traces`, and its table in the README. */
export async function publishFigures(name, { report, markdown }) {
  mkdirSync(docs, { recursive: true });
  await write(join(docs, `${name}.json`), JSON.stringify(report, rounded, 2));
  const readme = join(bench, 'README.md');
  await write(readme, betweenMarkers(readFileSync(readme, 'utf8'), markdown, name));
}

/** Writes the figures, the chart and the README's table. */
export async function publish({ report, markdown }) {
  mkdirSync(docs, { recursive: true });
  await write(join(docs, 'results.json'), JSON.stringify(report, rounded, 2));
  writeFileSync(join(docs, 'throughput.svg'), chart(report.servers));
  const readme = join(bench, 'README.md');
  await write(readme, betweenMarkers(readFileSync(readme, 'utf8'), markdown));
}

/** Six digits say all that was measured. */
function rounded(_key, value) {
  return typeof value === 'number' ? Number(value.toPrecision(6)) : value;
}
