import { parseArgs } from 'node:util';
import { CHECKS } from './checks.js';
import { examine } from './examine.js';
import { report } from './report.js';
import { Workspace } from './workspace/workspace.js';

const USAGE = `npm run doctor -- [options]: what is wrong with this workspace, and how to mend it
  --only ports,protos   these checks: ${CHECKS.map(({ name }) => name).join(', ')}
  --against COMMIT      what the protos must not break; HEAD by default
  --database            also runs the migrations, in databases that are dropped again
  --json                the findings as JSON
Exit code 1 when there is an error, 64 for a wrong option.`;

function fail(message: string): never {
  console.error(`doctor: ${message}\n\n${USAGE}`);
  process.exit(64);
}

function read() {
  try {
    return parseArgs({
      options: {
        only: { type: 'string' },
        against: { type: 'string', default: 'HEAD' },
        database: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    fail((error as Error).message);
  }
}

const { only, against, database, json, help } = read();
if (help) {
  console.log(USAGE);
  process.exit(0);
}
const wanted = only?.split(',').map((name) => name.trim());
for (const name of wanted ?? []) {
  if (!CHECKS.some((check) => check.name === name)) fail(`there is no check "${name}"`);
}
const root = process.cwd();
const surroundings = { node: process.versions.node, environment: process.env, against, database };
const checks = CHECKS.filter(({ name }) => wanted?.includes(name) ?? true);
const results = await examine(new Workspace(root, surroundings), checks);
const findings = results.flatMap((result) => result.findings);
console.log(json ? JSON.stringify({ findings, notes: notesOf(results) }, null, 2) : report(results));
if (findings.some(({ severity }) => severity === 'error')) process.exitCode = 1;

function notesOf(all: typeof results): Record<string, string> {
  return Object.fromEntries(all.flatMap(({ check, note }) => (note === undefined ? [] : [[check, note]])));
}
