import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { stopEmbeddedPostgres, withLock } from '@rookery/embedded';
import { DockerServer } from './docker-server.js';
import { nats } from './nats.js';
import { fromRecord } from './obtain.js';
import { redis } from './redis.js';
import { clearState, readState } from './state.js';

/**
 * Ends the servers that the state file of `dir` names, found by pid and start time, so never a process that merely got
 * the same pid. Resolves to what it did, a line each; no line when nothing ran.
 */
export async function takeDown(dir: string): Promise<string[]> {
  const exists = await access(dir).then(
    () => true,
    () => false,
  );
  if (!exists) return [];
  return withLock(join(dir, 'lock'), async () => {
    const state = await readState(dir);
    const lines: string[] = [];
    for (const kind of [redis, nats]) {
      const record = state[kind.name];
      if (!record) continue;
      const server = fromRecord(kind, record, dir);
      const alive = await server.isAlive();
      if (server instanceof DockerServer) await server.remove().catch(() => undefined);
      else await server.stop();
      const what = 'container' in record ? `container ${record.container.slice(0, 12)}` : `process ${record.pid}`;
      if (alive) lines.push(`ended ${kind.title} (${what}, port ${record.port})`);
    }
    const postgres = await stopEmbeddedPostgres(join(dir, 'postgres'));
    if (postgres.outcome === 'stopped') lines.push(`ended PostgreSQL (process ${postgres.pid})`);
    if (postgres.outcome === 'in use') {
      lines.push(`PostgreSQL is used by process ${postgres.pids.join(', ')} and ends with the last of them`);
    }
    await clearState(dir);
    return lines;
  });
}
