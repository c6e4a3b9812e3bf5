import { PartlyFailed } from './partly-failed.js';
import { runEvents } from './run-events.js';
import { USAGE, UsageError } from './usage.js';

// npm run events. What was asked for goes to stdout, everything else to stderr.
try {
  console.log(await runEvents(process.argv.slice(2), process.env.NATS_URL));
} catch (error) {
  if (error instanceof PartlyFailed) console.log(error.output);
  const usage = error instanceof UsageError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
  console.error(`events: ${(error as Error).message}${usage ? `\n\n${USAGE}` : ''}`);
  process.exitCode = usage ? 2 : 1;
}
