import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

/** What a command printed, and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly output: string;
  /** Milliseconds. */
  readonly took: number;
}

/** The workspace as it is now in a folder of its own, under version control, installed: tests may do with it what they like. */
export class WorkspaceCopy {
  private constructor(readonly root: string) {}

  static async make(): Promise<WorkspaceCopy> {
    // Resolved: a path through a link is another one to compilers.
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'rookery-generator-')));
    const copy = new WorkspaceCopy(folder);
    const listed = execFileSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
    });
    const files = listed.split('\0').filter(Boolean);
    for (const file of files) await cp(join(root, file), join(folder, file), { force: true }).catch(ignoreDeleted);
    // A third of a gigabyte: copies of blocks where the file system can.
    await run('cp', ['-a', join(root, 'node_modules'), join(folder, 'node_modules')]);
    const commit = [
      '-c',
      'user.name=test',
      '-c',
      'user.email=test@example.com',
      'commit',
      '--quiet',
      '-m',
      'workspace',
    ];
    for (const args of [['init', '--quiet'], ['add', '--all'], commit]) await run('git', args, { cwd: folder });
    return copy;
  }

  /** Runs a command in it; a failing one is an outcome too. */
  async exec(command: string, args: readonly string[]): Promise<Outcome> {
    const started = performance.now();
    const { PATH, HOME, TMPDIR } = process.env;
    const options = { cwd: this.root, env: { PATH, HOME, TMPDIR, NO_COLOR: '1' }, maxBuffer: 64 * 1024 * 1024 };
    const ended = (code: number, { stdout, stderr }: { stdout: string; stderr: string }): Outcome => ({
      code,
      output: stdout + stderr,
      took: performance.now() - started,
    });
    try {
      return ended(0, await run(command, args, options));
    } catch (error) {
      const failed = error as Error & { code: number; stdout: string; stderr: string };
      return ended(failed.code, failed);
    }
  }

  /** Starts a command that goes on until it is told to stop, with the processes that it starts. */
  start(command: string, args: readonly string[], environment: Readonly<Record<string, string>>) {
    const { PATH, HOME, TMPDIR } = process.env;
    const env = { PATH, HOME, TMPDIR, NO_COLOR: '1', ...environment };
    const child = spawn(command, args, { cwd: this.root, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += String(chunk)));
    return {
      output: () => output,
      stop: async () => {
        const closed = once(child, 'close');
        process.kill(-child.pid!, 'SIGTERM');
        await closed;
      },
    };
  }

  /** What git sees of changes since it was made. */
  async changes(): Promise<string[]> {
    const { output } = await this.exec('git', ['status', '--porcelain', '--untracked-files=all']);
    return output.split('\n').filter(Boolean);
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}

/** Listed by git, and gone from the working tree. */
function ignoreDeleted(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
