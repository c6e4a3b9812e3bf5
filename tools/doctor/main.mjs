// npm run doctor. Plain JavaScript without dependencies: a package that the doctor itself needs may be what is missing.
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

const doctor = await load().catch(refuse);
if (doctor) await run(doctor);

async function load() {
  const { register } = await import('tsx/esm/api');
  register();
  return import('./run-doctor.ts');
}

async function run({ USAGE, UsageError, runDoctor }) {
  const surroundings = { node: process.versions.node, environment: process.env };
  try {
    const { output, healthy } = await runDoctor(process.argv.slice(2), process.cwd(), surroundings);
    console.log(output);
    process.exitCode = healthy ? 0 : 1;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`doctor: ${error.message}\n\n${USAGE}`);
    process.exitCode = 64;
  }
}

/** A finding as `report.ts` and `--json` have it, which may not be there to write it. */
function refuse({ message }) {
  const reason = message.replaceAll('file://', '').replaceAll(`${root}/`, '');
  const isPackage = /Cannot find package|node_modules/.test(reason);
  const what = `the doctor cannot start: ${reason}`;
  const fix = isPackage ? 'Run `npm ci`.' : 'Mend what it says, and run it again.';
  const finding = { check: 'doctor', severity: 'error', what, fix };
  if (process.argv.includes('--json')) console.log(JSON.stringify({ findings: [finding], notes: {} }, null, 2));
  else
    console.log(
      `FAIL  doctor: it starts\n      error  ${what.replaceAll('\n', '\n        ')}\n        fix: ${fix}\n\n1 error, 0 warnings.`,
    );
  process.exitCode = 1;
}
