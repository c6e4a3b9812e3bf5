import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare as prepareWorkspace, root } from '../tools/setup/prepare.mjs';

const bench = dirname(fileURLToPath(import.meta.url));

/** Which lock file bench/node_modules was installed from. */
const STAMP = join(bench, 'node_modules/.bench-installed');

function install() {
  const lock = createHash('sha256')
    .update(readFileSync(join(bench, 'package-lock.json')))
    .digest('hex');
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === lock) return;
  console.error('Installing the peers …');
  const npm = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', npm, { cwd: bench, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  writeFileSync(STAMP, lock);
}

/** A comparison of frameworks on different versions of what they share would be none. */
function refuseDifferentVersions() {
  const { version: ours } = createRequire(join(root, 'package.json'))('@grpc/grpc-js/package.json');
  const { version: theirs } = createRequire(join(bench, 'package.json'))('@grpc/grpc-js/package.json');
  if (ours === theirs) return;
  throw new Error(`The workspace has grpc-js ${ours}, the bench ${theirs}: pin the same in bench/package.json.`);
}

/** Installs what is missing, generates and builds. */
export async function prepare(servers) {
  prepareWorkspace();
  install();
  refuseDifferentVersions();
  // Only now are the packages there that it needs.
  const { generate } = await import('./generate.mjs');
  generate();
  for (const app of servers.flatMap((server) => server.app ?? [])) {
    console.error(`Building ${app} …`);
    const nest = [join(root, 'node_modules/.bin/nest'), 'build', '--config', 'bench/nest-cli.json', app];
    execFileSync(process.execPath, nest, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  }
}
