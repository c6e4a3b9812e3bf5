import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DockerRecord } from './docker-server.js';
import type { ProcessRecord } from './process-server.js';

/** The servers that `infra:up` left running, so that `infra:down` ends those and no others. */
export interface State {
  postgres?: { port: number };
  redis?: ProcessRecord | DockerRecord;
  nats?: ProcessRecord | DockerRecord;
}

/** Nothing recorded and a file that is not ours read the same: no servers. */
export async function readState(dir: string): Promise<State> {
  try {
    return JSON.parse(await readFile(fileIn(dir), 'utf8')) as State;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || error instanceof SyntaxError) return {};
    throw error;
  }
}

export async function writeState(dir: string, state: State): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(`${fileIn(dir)}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  await rename(`${fileIn(dir)}.new`, fileIn(dir));
}

export async function clearState(dir: string): Promise<void> {
  await rm(fileIn(dir), { force: true });
}

function fileIn(dir: string): string {
  return join(dir, 'state.json');
}
