import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startServers } from '../tools/infra/index.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** PostgreSQL, as a role that may create databases. Each spec makes its own. */
    databaseUrl: string;
    redisUrl: string;
    natsUrl: string;
  }
}

/** Starts the real servers that the specs of one run share. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = await mkdtemp(join(tmpdir(), 'rookery-test-'));
  const servers = await startServers({ dir, postgresSettings: { fsync: 'off' } });
  project.provide('databaseUrl', servers.databaseUrl);
  project.provide('redisUrl', servers.redisUrl);
  project.provide('natsUrl', servers.natsUrl);
  return async () => {
    await servers.stop();
    await rm(dir, { recursive: true, force: true });
  };
}
