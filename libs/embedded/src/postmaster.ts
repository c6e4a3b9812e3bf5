import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commandLineOf, startOf } from './process-identity.js';
import { until } from './until.js';

// A fast shutdown writes a checkpoint; on a slow disk that takes seconds.
const FAST_STOP = 30_000;
const IMMEDIATE_STOP = 10_000;

/** The server of a cluster, as its own `postmaster.pid` tells. */
export interface Postmaster {
  pid: number;
  port: number;
  /** It accepts connections; false while it starts (crash recovery included) or stops. */
  ready: boolean;
}

/**
 * The server that runs on this cluster; `undefined` when none does. A `postmaster.pid` left behind by a crash is not
 * believed: its pid has to be a process that was started for this very cluster.
 */
export async function findPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const lines = (await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid < 2) return undefined;
  const command = await commandLineOf(pid);
  if (!command?.includes(`postgres -D ${cluster} `)) return undefined;
  return { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' };
}

/** Stops a server, rolling back what its clients have open (a fast shutdown), and waits until it is gone. */
export async function stopPostmaster(pid: number): Promise<void> {
  const start = await startOf(pid);
  const gone = async () => (await startOf(pid)) !== start;
  const signalled = (signal: NodeJS.Signals, within: number) => {
    send(pid, signal);
    const otherwise = () => `PostgreSQL (process ${pid}) did not stop within ${within / 1000} s after ${signal}.`;
    return until(gone, { within, otherwise });
  };
  if (start === undefined) return;
  await signalled('SIGINT', FAST_STOP).catch(() => signalled('SIGQUIT', IMMEDIATE_STOP));
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** What the log says from this offset on, at most its last `lines` lines. */
export async function logTail(file: string, { from = 0, lines = 20 } = {}): Promise<string> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (!handle) return '';
  try {
    const { size } = await handle.stat();
    const start = Math.max(from, size - 64 * 1024);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.max(0, size - start)), { position: start });
    return buffer.toString('utf8', 0, bytesRead).trimEnd().split('\n').slice(-lines).join('\n');
  } finally {
    await handle.close();
  }
}
