// `npm run g -- app payment-service --no-cache`: the workspace's own schematics with all their options, and an exit code.
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { logging } from '@angular-devkit/core';
import { NodeWorkflow } from '@angular-devkit/schematics/tools/index.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const USAGE = `npm run g -- app <name> [options]     makes a service: proto, code, tests, and its place in the workspace
  --no-database    keeps its data in memory, and sends no events
  --no-cache       caches no reads
  --no-messaging   sends no events
  --no-k8s         gets no Kubernetes manifests
  --port N         of gRPC; the next free one by default
npm run g -- remove <name>            takes a service away, with everything that was made for it
npm run g -- rpc <Name> --project <app>         adds an RPC to a service
  --stream server|client|both    who sends messages in a stream
  --service Name                 of several gRPC services of the app
npm run g -- event <Name> --project <app>       adds an event, its publisher and its handler
  --consumer <app>               who handles it; the publisher itself by default
npm run g -- migration <Name> --project <app>   adds an empty migration
  --dry-run        of all: shows what would change
Everything else that Nest's CLI generates: npx nest g --help`;

const SCHEMATICS = { app: 'app', remove: 'remove-app', rpc: 'rpc', event: 'event', migration: 'migration' };
const PROJECT = { type: 'string' };
const OPTIONS = {
  app: {
    database: { type: 'boolean' },
    cache: { type: 'boolean' },
    messaging: { type: 'boolean' },
    k8s: { type: 'boolean' },
    port: { type: 'string' },
  },
  remove: {},
  rpc: { project: PROJECT, stream: { type: 'string' }, service: { type: 'string' } },
  event: { project: PROJECT, consumer: { type: 'string' } },
  migration: { project: PROJECT },
};
/** What the name is asked for with. */
const NAMED = {
  app: 'What is the service called?',
  remove: 'What is the service called?',
  rpc: 'What is the RPC called (RefundPayment)?',
  event: 'What has happened (PaymentRefunded)?',
  migration: 'What does the migration do (AddPhone)?',
};
const QUESTIONS = {
  database: 'Does it keep its data in PostgreSQL?',
  cache: 'Are its reads cached?',
  messaging: 'Does it send events?',
  k8s: 'Does it get Kubernetes manifests?',
};

class UsageError extends Error {}

/** @returns {{ schematic: string, options: Record<string, unknown>, dryRun: boolean }} */
async function asked(args) {
  const [command = '', ...rest] = args;
  if (!(command in SCHEMATICS)) throw new UsageError(command ? `There is no "${command}".` : 'What is to be made?');
  const { values, positionals } = parse(rest, OPTIONS[command]);
  if (positionals.length > 1) throw new UsageError(`One name, not ${positionals.length}.`);
  const { 'dry-run': dryRun = false, port, ...given } = values;
  if (port !== undefined && !/^\d+$/.test(port)) throw new UsageError(`--port takes a number, not "${port}".`);
  const [name] = positionals;
  if (name === undefined && !process.stdin.isTTY) throw new UsageError(NAMED[command]);
  const answers = name === undefined ? await interview(command, given) : { name };
  const options = { ...answers, ...given, ...(port === undefined ? {} : { port: Number(port) }) };
  return { schematic: SCHEMATICS[command], options, dryRun };
}

function parse(args, options) {
  try {
    const all = { ...options, 'dry-run': { type: 'boolean' } };
    return parseArgs({ args, options: all, allowPositionals: true, allowNegative: true });
  } catch (error) {
    throw new UsageError(error.message);
  }
}

async function interview(command, { project }) {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answers = { name: await terminal.question(`${NAMED[command]} `) };
    if ('project' in OPTIONS[command] && project === undefined) {
      answers.project = await terminal.question('In which app (payment-service)? ');
    }
    if (command !== 'app') return answers;
    for (const [option, question] of Object.entries(QUESTIONS)) {
      answers[option] = !/^n/i.test(await terminal.question(`${question} [Y/n] `));
    }
    return answers;
  } finally {
    terminal.close();
  }
}

const WORDS = { create: 'CREATE', update: 'UPDATE', delete: 'DELETE', rename: 'RENAME' };

async function main() {
  const { schematic, options, dryRun } = await asked(process.argv.slice(2));
  const workflow = new NodeWorkflow(root, { dryRun, force: false, resolvePaths: [root] });
  workflow.reporter.subscribe(({ kind, path }) => console.log(`${WORDS[kind] ?? kind} ${path.replace(/^\//, '')}`));
  const logger = new logging.Logger('g');
  logger.subscribe(({ message }) => console.error(message));
  await new Promise((resolve, reject) => {
    workflow
      .execute({ collection: '@rookery/schematics', schematic, options, allowPrivate: true, logger })
      .subscribe({ error: reject, complete: resolve });
  });
  if (dryRun) console.log('Nothing was changed: --dry-run.');
}

process.chdir(root);
try {
  await main();
} catch (error) {
  console.error(error instanceof UsageError ? `${error.message}\n\n${USAGE}` : error.message);
  process.exitCode = error instanceof UsageError ? 64 : 1;
}
