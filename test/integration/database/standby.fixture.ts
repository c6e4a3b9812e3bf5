import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PostgresServer } from '../../../tools/infra/postgres-server.js';

const run = promisify(execFile);

/** A primary and a standby that streams from it, of a test's own. */
export interface Standby {
  readonly primaryUrl: string;
  readonly url: string;
  readonly primary: PostgresServer;
  stop(): Promise<void>;
}

/**
 * A standby is a copy of its primary's files and a file that says so: the servers of npm come without pg_basebackup, and
 * a server that is not running needs none.
 */
export async function startStandby(): Promise<Standby> {
  const dir = await mkdtemp(join(tmpdir(), 'rookery-standby-'));
  const [dataDir, copy] = [join(dir, 'primary'), join(dir, 'standby')] as [string, string];
  const settings = { fsync: 'off' };
  const primary = new PostgresServer({ dataDir, detached: false, settings });
  await primary.start();
  await primary.stop();
  // With owners and modes: PostgreSQL is particular about them.
  await run('cp', ['-a', dataDir, copy]);
  await run('cp', ['-a', join(copy, 'cluster/PG_VERSION'), join(copy, 'cluster/standby.signal')]);
  await primary.start();
  const standby = new PostgresServer({
    dataDir: copy,
    detached: false,
    settings: { ...settings, primary_conninfo: primary.url },
  });
  await standby.start();
  return {
    primary,
    primaryUrl: primary.url,
    url: standby.url,
    stop: async () => {
      await Promise.all([standby.stop(), primary.stop()]);
      await rm(dir, { recursive: true, force: true });
    },
  };
}
