// `npm run migration -- <service> generate <Name> | run | revert | show | drift`, on the database that `npm start` gives the service.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildApps, bundleOf } from './build.mjs';
import { prepare, root } from './prepare.mjs';
import { CLASS_NAME } from '../migration/migration-file.mjs';

const USAGE = `usage: npm run migration -- <service> <command>

  generate <Name>  writes a migration for what the entities say and the migrations do not: generate AddPhone
  run              runs the pending ones
  revert           undoes the one that was run last
  show             lists them: run or pending
  drift            prints, as JSON, what the entities say and the migrations do not`;

const [service, command, ...rest] = process.argv.slice(2);
const app = join(root, 'apps', service ?? '');
const [name] = rest;
const known =
  command === 'generate' ? rest.length === 1 : ['run', 'revert', 'show', 'drift'].includes(command) && !name;
if (!service || !/^[a-z0-9-]+$/.test(service) || !existsSync(join(app, 'src/main.ts')) || !known) {
  console.error(USAGE);
  process.exit(64);
}
if (command === 'generate' && !CLASS_NAME.test(name)) {
  console.error(`"${name}" cannot name a migration: give a class name such as AddPhone`);
  process.exit(64);
}
// Only a service has a declaration that may name a database.
if (!readFileSync(join(app, 'src/main.ts'), 'utf8').includes('runService(')) {
  console.error(`${service} has no database, and so no migrations`);
  process.exit(64);
}
process.chdir(root);
const environment = environmentOfService();
prepare();
buildApps([service], console.error);
if (command === 'generate') await generate();
else process.exit(ask(command, 'inherit').status ?? 1);

/**
 * As in `npm start`: with `.env`, and what has the service's name in front counts for it (USER_SERVICE_DATABASE_URL).
 * A DATABASE_URL of the shell, not of `.env`, counts where there is none of the service's own.
 */
function environmentOfService() {
  const { DATABASE_URL } = process.env;
  if (existsSync('.env')) process.loadEnvFile('.env');
  const prefix = `${service.replaceAll('-', '_').toUpperCase()}_`;
  const own = Object.entries(process.env).filter(([variable]) => variable.startsWith(prefix));
  return {
    ...process.env,
    DATABASE_URL,
    ...Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length), value])),
  };
}

/** Only the service itself knows its entities: its bundle is asked. */
function ask(what, stdout) {
  // Log lines would be in the way of this answer.
  const env = what === 'drift' ? { ...environment, LOG_LEVEL: 'fatal' } : environment;
  return spawnSync(process.execPath, ['--enable-source-maps', bundleOf(service), 'migrate', what], {
    stdio: ['inherit', stdout, 'inherit'],
    env,
    encoding: 'utf8',
  });
}

async function generate() {
  const { status, stdout } = ask('drift', 'pipe');
  if (status !== 0) {
    process.stderr.write(stdout);
    process.exit(status ?? 1);
  }
  const drift = JSON.parse(stdout.trim().split('\n').at(-1));
  if (drift.up.length === 0) {
    console.error(`The migrations of ${service} make what its entities say; there is nothing to generate.`);
    process.exit(1);
  }
  const { generateMigration } = await import('../migration/generate.mjs');
  for (const line of await generateMigration(app, name, drift)) console.log(line);
}
