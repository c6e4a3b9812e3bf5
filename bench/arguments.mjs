import { parseArgs } from 'node:util';
import { BASELINE, SERVERS } from './servers/catalogue.mjs';

/** CPU seconds. After four, all but connect-node are within some percent of their fastest. */
const WARMUP = 4;

export const USAGE = `node run.mjs [options]
  --only a,b        these servers (and ${BASELINE}, which the ratios need); nothing is published then
  --processes N     in how many processes, one after the other, each server is measured, 3 by default
  --rounds N        how often each process is measured, 4 by default
  --seconds S       how long each load lasts, 1 by default
  --as-is           with what is installed, generated and built already
  --profile         under V8's profiler; prints the functions in which each server spends its time
servers: ${SERVERS.map(({ name }) => name).join(' ')}`;

function positive(name, text) {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new Error(`--${name} takes a number above 0, not ${text}`);
}

function selected(only) {
  if (only === undefined) return SERVERS;
  const names = new Set([BASELINE, ...only.split(',')]);
  for (const name of names) {
    if (!SERVERS.some((server) => server.name === name)) throw new Error(`There is no server ${name}.\n\n${USAGE}`);
  }
  return SERVERS.filter(({ name }) => names.has(name));
}

/** What the command line asks for. @throws with the usage when it is wrong */
export function readArguments(args) {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      processes: { type: 'string', default: '3' },
      rounds: { type: 'string', default: '4' },
      seconds: { type: 'string', default: '1' },
      'as-is': { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
    },
  });
  const servers = selected(values.only);
  return {
    servers,
    processes: Math.ceil(positive('processes', values.processes)),
    rounds: Math.ceil(positive('rounds', values.rounds)),
    seconds: positive('seconds', values.seconds),
    warmup: WARMUP,
    asIs: values['as-is'],
    profile: values.profile,
    complete: servers.length === SERVERS.length,
  };
}
