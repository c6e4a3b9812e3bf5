// Measures cache, outbox and consumers on real PostgreSQL, Redis and NATS: `npm run --prefix bench data`. See README.md.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepare } from '../prepare.mjs';
import { SERVERS } from './servers.mjs';

const SCENARIOS = ['flight', 'hits', 'outbox', 'events', 'bloat'];
const { values } = parseArgs({ options: { only: { type: 'string' }, 'as-is': { type: 'boolean', default: false } } });
const chosen = values.only?.split(',') ?? SCENARIOS;
for (const name of chosen) {
  if (!SCENARIOS.includes(name)) throw new Error(`There is no ${name}; --only takes some of ${SCENARIOS.join(',')}`);
}

if (!values['as-is']) await prepare(Object.values(SERVERS));
// The tools of the workspace are TypeScript; these need what has just been installed or generated.
const { register } = await import('tsx/esm/api');
register({ tsconfig: join(import.meta.dirname, '../../tsconfig.json') });
const [{ startServers }, { conditions }, { describe, table, verdicts }, { publishFigures }] = await Promise.all([
  import('../../tools/infra/index.ts'),
  import('./conditions.mjs'),
  import('./figures.mjs'),
  import('../report/publish.mjs'),
]);
const { requireH2load } = await import('../load/h2load.mjs');
if (chosen.includes('hits')) await requireH2load();

const folder = mkdtempSync(join(tmpdir(), 'bench-data-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

// With their defaults: PostgreSQL flushes at each commit, NATS keeps its streams in files.
const infra = await startServers({ dir: join(folder, 'infra'), env: { PATH: process.env.PATH } });
const results = {};
try {
  for (const name of chosen) {
    const { measure } = await import(`./${name}.mjs`);
    console.error(`Measuring ${name} …`);
    Object.assign(results, await measure({ infra, folder }));
  }
} finally {
  await infra.stop();
}

const figures = verdicts(results);
const report = { measured: new Date().toISOString(), conditions: conditions(), figures, results };
const markdown = `${describe(report.conditions)}\n\n${table(figures)}`;
console.log(markdown);
if (chosen.length === SCENARIOS.length) await publishFigures('data', { report, markdown });
