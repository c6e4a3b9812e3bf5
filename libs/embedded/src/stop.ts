import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DataFolder } from './data-folder.js';
import { withLock } from './lock.js';
import { findPostmaster, stopPostmaster } from './postmaster.js';

/** What became of a server: `in use` means that processes still use it, and that it stops when the last lets go. */
export type Stopped =
  { outcome: 'stopped'; pid: number } | { outcome: 'in use'; pids: string[] } | { outcome: 'not running' };

/**
 * Undoes `keepRunning()`: stops the server of a data folder, unless a live process still uses it. It is also how to
 * stop one that a killed process left behind.
 */
export async function stopEmbeddedPostgres(dataDir: string): Promise<Stopped> {
  if (!(await stat(dataDir).catch(() => undefined))) return { outcome: 'not running' };
  const folder = await DataFolder.open(dataDir);
  await folder.assertUsable();
  return withLock(folder.lock, async () => {
    await folder.users.unkeep();
    return stopUnlessUsed(folder);
  });
}

/** The caller holds the lock of the folder. */
export async function stopUnlessUsed(folder: DataFolder): Promise<Stopped> {
  const pids = await folder.users.live();
  if (pids.length > 0) return { outcome: 'in use', pids };
  const server = await findPostmaster((await folder.cluster()).path);
  if (!server) return { outcome: 'not running' };
  await stopPostmaster(server.pid);
  return { outcome: 'stopped', pid: server.pid };
}

/**
 * Stops the server of a data folder, in use or not, and deletes everything: what `npm run reset` does. Does nothing
 * when there is no such folder.
 */
export async function removeEmbeddedPostgres(dataDir: string): Promise<void> {
  if (!(await stat(dataDir).catch(() => undefined))) return;
  const folder = await DataFolder.open(dataDir);
  await folder.assertUsable();
  await withLock(folder.lock, async () => {
    for (const home of [folder.path, folder.elsewhere()]) {
      const server = await findPostmaster(join(home, 'cluster'));
      if (server) await stopPostmaster(server.pid);
    }
    await rm(folder.elsewhere(), { recursive: true, force: true });
    await removeFolder(folder);
  });
}

/** In one step, so that whoever waits for the lock finds nothing and starts afresh; a mount point can only be emptied. */
async function removeFolder(folder: DataFolder): Promise<void> {
  const aside = `${folder.path}.removed-${process.pid}`;
  const moved = await rename(folder.path, aside).then(
    () => true,
    () => false,
  );
  if (moved) return rm(aside, { recursive: true, force: true });
  const content = (await readdir(folder.path)).filter((name) => name !== 'lock');
  for (const name of content) await rm(join(folder.path, name), { recursive: true, force: true });
}
