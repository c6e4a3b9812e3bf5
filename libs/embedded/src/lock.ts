import { mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isSameProcess, startOf } from './process-identity.js';
import { until } from './until.js';

const FREE = 'free';
// The longest legitimate hold is a first start on a slow machine: initdb, then crash recovery.
const PATIENCE = 120_000;

/**
 * Runs `work` while no other process (nor another caller in this one) holds the lock kept in `folder`. The death of a
 * holder frees it, `kill -9` included.
 *
 * The folder holds numbered symbolic links, and the highest says who has the lock: a process, or nobody. Making a
 * symbolic link is atomic, refuses an existing name and carries its text, so there is neither a half-written owner nor
 * a moment in which two contenders can both remove a dead one's file. The highest number is never deleted, so a
 * contender that decided on an outdated view finds a higher number than its own and steps back.
 */
export async function withLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const mine = await until(() => tryAcquire(folder), {
    within: PATIENCE,
    every: 15,
    otherwise: async () =>
      `Waited ${PATIENCE / 1000} s for the lock ${folder}, held by process ${(await highest(folder)).owner.split(' ')[0]}. ` +
      'If that process hangs, end it and try again.',
  });
  try {
    return await work();
  } finally {
    await release(folder, mine);
  }
}

async function tryAcquire(folder: string): Promise<Ticket | undefined> {
  await mkdir(folder, { recursive: true });
  const last = await highest(folder);
  if (last.owner !== FREE && (await isAlive(last.owner))) return undefined;

  const mine = { number: last.number + 1, owner: `${process.pid} ${await startOf(process.pid)} ${nonce()}` };
  if (!(await put(folder, mine))) return undefined;
  if ((await highest(folder)).number !== mine.number) {
    await rm(join(folder, String(mine.number)), { force: true });
    return undefined;
  }
  await forgetBefore(folder, mine.number);
  return mine;
}

/** Free is one more entry. When the folder was removed meanwhile (a reset), there is nothing of ours to free. */
async function release(folder: string, mine: Ticket): Promise<void> {
  if ((await ownerOf(folder, mine.number)) !== mine.owner) return;
  await put(folder, { number: mine.number + 1, owner: FREE });
  await forgetBefore(folder, mine.number + 1);
}

interface Ticket {
  number: number;
  owner: string;
}

async function highest(folder: string): Promise<Ticket> {
  const number = Math.max(0, ...(await numbers(folder)));
  return { number, owner: (number > 0 && (await ownerOf(folder, number))) || FREE };
}

async function numbers(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => /^\d+$/.test(name)).map(Number);
}

async function put(folder: string, { number, owner }: Ticket): Promise<boolean> {
  try {
    await symlink(owner, join(folder, String(number)));
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST' || code === 'ENOENT') return false;
    throw error;
  }
}

async function ownerOf(folder: string, number: number): Promise<string | undefined> {
  return readlink(join(folder, String(number))).catch(() => undefined);
}

async function forgetBefore(folder: string, number: number): Promise<void> {
  const old = (await numbers(folder)).filter((each) => each < number);
  await Promise.all(old.map((each) => rm(join(folder, String(each)), { force: true })));
}

async function isAlive(owner: string): Promise<boolean> {
  const [pid, start] = owner.split(' ');
  return isSameProcess(Number(pid), start ?? '');
}

function nonce(): string {
  return Math.random().toString(36).slice(2);
}
