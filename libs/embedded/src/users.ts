import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSameProcess, startOf } from './process-identity.js';

const KEPT = 'kept';

/**
 * Who uses the server of a data folder: one file `<pid>-<random>` per `start()`, holding the start time of the process,
 * so that a process killed without a word stops counting, even when its pid lives on as another one. The entry `kept`
 * belongs to no process and counts until it is removed. Callers hold the lock of the data folder.
 */
export class Users {
  constructor(private readonly folder: string) {}

  /** Enters this process, and gives the name of the entry. */
  async enter(): Promise<string> {
    const entry = `${process.pid}-${randomBytes(4).toString('hex')}`;
    await mkdir(this.folder, { recursive: true });
    await writeFile(join(this.folder, entry), (await startOf(process.pid)) ?? '');
    return entry;
  }

  async leave(entry: string): Promise<void> {
    await rm(join(this.folder, entry), { force: true });
  }

  /** Makes the server outlive its users. */
  async keep(): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    await writeFile(join(this.folder, KEPT), '');
  }

  async unkeep(): Promise<void> {
    await this.leave(KEPT);
  }

  /** The entries that count (pids, or `kept`); those of dead processes are cleared away. */
  async live(): Promise<string[]> {
    const live: string[] = [];
    for (const entry of await readdir(this.folder).catch(() => [])) {
      const pid = entry.split('-')[0] ?? '';
      const start = await readFile(join(this.folder, entry), 'utf8').catch(() => '');
      if (entry === KEPT || (await isSameProcess(Number(pid), start))) live.push(pid);
      else await this.leave(entry);
    }
    return live;
  }
}
