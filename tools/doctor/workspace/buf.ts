import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const BUF = join(import.meta.dirname, '../../../node_modules/.bin/buf');

/**
 * Runs buf in the workspace `root`.
 * @throws {Error} when it is not installed
 */
export function buf(root: string, ...args: string[]): SpawnSyncReturns<Buffer> {
  if (!existsSync(BUF)) throw new Error('@bufbuild/buf is not installed; `npm ci` does that');
  return spawnSync(process.execPath, [BUF, ...args], { cwd: root, maxBuffer: 64 * 1024 * 1024 });
}
