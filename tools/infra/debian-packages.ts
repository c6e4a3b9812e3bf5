import { execFile } from 'node:child_process';
import { access, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Program } from './process-server.js';
import type { ServerKind } from './server-kind.js';

const run = promisify(execFile);

/**
 * Unpacks the Debian package of a server, with those of its libraries that the system lacks, below `folder` and nothing
 * else: no root, no change to the system, no service started. Once per folder.
 *
 * @throws Error with the words of apt-get when the package cannot be had.
 */
export async function unpackDebianPackage(kind: ServerKind, folder: string, env: NodeJS.ProcessEnv): Promise<Program> {
  const root = join(folder, kind.name);
  const known = await programIn(root, kind);
  if (known) return known;

  const archives = join(folder, `${kind.name}-archives`);
  await mkdir(join(archives, 'partial'), { recursive: true });
  await download(kind.debianPackage, archives, env);
  const packages = (await readdir(archives)).filter((name) => name.endsWith('.deb'));
  for (const name of packages) await run('dpkg', ['-x', join(archives, name), root], { env });
  await rm(archives, { recursive: true, force: true });

  const program = await programIn(root, kind);
  if (program) return program;
  throw new Error(`${kind.programs.join(' or ')} is not in what ${packages.join(', ') || 'apt-get downloaded'} holds`);
}

/** With the system's package lists; where these are missing or outdated, with lists of our own. */
async function download(name: string, archives: string, env: NodeJS.ProcessEnv): Promise<void> {
  const places = [`Dir::Cache=${archives}`, `Dir::Cache::archives=${archives}`];
  const options = [...places, 'Debug::NoLocking=1', 'APT::Sandbox::User='].flatMap((option) => ['-o', option]);
  const install = ['install', '-qq', '-y', '--no-install-recommends', '--download-only', name];
  try {
    await run('apt-get', [...options, ...install], { env });
  } catch {
    const lists = join(archives, 'lists');
    await mkdir(join(lists, 'partial'), { recursive: true });
    const ownLists = [...options, '-o', `Dir::State::lists=${lists}`];
    await run('apt-get', [...ownLists, 'update', '-qq'], { env });
    await run('apt-get', [...ownLists, ...install], { env });
  }
}

async function programIn(root: string, kind: ServerKind): Promise<Program | undefined> {
  const libraries = (await readdir(join(root, 'usr/lib')).catch(() => []))
    .filter((name) => name.includes('-linux-'))
    .map((name) => join(root, 'usr/lib', name));
  const environment: Record<string, string> = libraries.length > 0 ? { LD_LIBRARY_PATH: libraries.join(':') } : {};
  for (const folder of ['usr/bin', 'usr/sbin']) {
    for (const name of kind.programs) {
      const file = join(root, folder, name);
      const found = await access(file).then(
        () => true,
        () => false,
      );
      if (found) return { file, environment };
    }
  }
  return undefined;
}
