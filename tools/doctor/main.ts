import { USAGE, UsageError, runDoctor } from './run-doctor.js';

// npm run doctor.
try {
  const surroundings = { node: process.versions.node, environment: process.env };
  const { output, healthy } = await runDoctor(process.argv.slice(2), process.cwd(), surroundings);
  console.log(output);
  process.exitCode = healthy ? 0 : 1;
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`doctor: ${error.message}\n\n${USAGE}`);
  process.exitCode = 64;
}
