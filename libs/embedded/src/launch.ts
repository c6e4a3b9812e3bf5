import { once } from 'node:events';
import { open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, spawnAs } from './account.js';
import type { Binaries } from './binaries.js';
import type { DataFolder } from './data-folder.js';
import { freePort } from './free-port.js';
import { findPostmaster, logTail, type Postmaster } from './postmaster.js';
import { until } from './until.js';

const LOG_LIMIT = 10 * 1024 * 1024;
// Crash recovery replays up to max_wal_size (1 GB) before the server answers.
const COMING_UP = 60_000;
const ATTEMPTS = 5;
// After a kill -9 of the postmaster its children need a moment to notice.
const ORPHANS = 10_000;

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

export interface LaunchOptions {
  cluster: string;
  folder: DataFolder;
  account: Account;
  binaries: Binaries;
  port?: number;
  settings?: Record<string, string>;
}

/**
 * Starts the server of a cluster in a session of its own: a Ctrl-C in the terminal does not reach it, and it outlives
 * this process. Resolves when it accepts connections.
 *
 * @throws Error with the end of the server's log when it does not come up.
 */
export async function launch(options: LaunchOptions): Promise<Postmaster> {
  await rotate(options.folder.log);
  await forgetStalePid(options.cluster);
  const orphansGone = Date.now() + ORPHANS;
  for (let attempt = 1; ;) {
    const port = options.port ?? (await freePort());
    const { server, log } = await tryLaunch(options, port);
    if (server) return server;
    if (log.includes('pre-existing shared memory block') && Date.now() < orphansGone) continue;
    const taken = log.includes('could not create any TCP/IP sockets');
    if (taken && options.port === undefined && attempt++ < ATTEMPTS) continue;
    throw new Error(
      `PostgreSQL did not come up on 127.0.0.1:${port} as ${options.account.name}` +
        `${taken ? ': the port is taken, choose another or end who has it' : ''}. ` +
        `The end of ${options.folder.log}:\n${log}`,
    );
  }
}

/** Waits for a server that is starting; `undefined` when it is gone, or goes away (it was stopping). */
export async function settled(cluster: string, log: string): Promise<Postmaster | undefined> {
  const answer = await until(
    async () => {
      const found = await findPostmaster(cluster);
      if (!found) return { server: undefined };
      return found.ready ? { server: found } : undefined;
    },
    {
      within: COMING_UP,
      otherwise: async () =>
        `PostgreSQL is not ready after ${COMING_UP / 1000} s. The end of ${log}:\n${await logTail(log)}`,
    },
  );
  return answer.server;
}

async function tryLaunch(options: LaunchOptions, port: number): Promise<{ server?: Postmaster; log: string }> {
  const { account, binaries, cluster, folder } = options;
  const output = await open(folder.log, 'a', 0o644);
  await folder.giveToOwner(folder.log);
  const from = (await output.stat()).size;
  const settings = Object.entries({ ...SETTINGS, port: String(port), ...options.settings });
  const child = spawnAs(
    account,
    binaries.postgres,
    ['-D', cluster, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { detached: true, stdio: ['ignore', output.fd, output.fd] },
  );
  let ended = '';
  child.once('exit', (code, signal) => (ended = `(ended with ${code ?? signal})`));
  child.once('error', (error) => (ended = error.message));
  try {
    await Promise.race([once(child, 'spawn'), once(child, 'error')]).catch(() => undefined);
    child.unref();
    // Its own file says when it is ready. Should another server have been started on this cluster by somebody killed
    // before writing anything down, ours gives up and that one is as good.
    const answer = await until(
      async () => {
        const found = await findPostmaster(cluster);
        if (found?.ready) return { server: found };
        return ended !== '' && !found ? { server: undefined } : undefined;
      },
      {
        within: COMING_UP,
        otherwise: async () =>
          `PostgreSQL (process ${child.pid}) is not ready after ${COMING_UP / 1000} s. The end of ${folder.log}:\n${await logTail(folder.log, { from })}`,
      },
    );
    return { ...answer, log: answer.server ? '' : `${await logTail(folder.log, { from })}\n${ended}`.trim() };
  } finally {
    await output.close();
  }
}

/** PostgreSQL believes a stale pid file whose pid is another process of ours by now, and refuses to start. */
async function forgetStalePid(cluster: string): Promise<void> {
  if (!(await findPostmaster(cluster))) await rm(join(cluster, 'postmaster.pid'), { force: true });
}

async function rotate(log: string): Promise<void> {
  const size = (await stat(log).catch(() => undefined))?.size ?? 0;
  if (size > LOG_LIMIT) await rename(log, `${log}.old`);
}
