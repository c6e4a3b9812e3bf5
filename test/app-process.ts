import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { bundleOf } from '../tools/setup/build.mjs';

const START_LIMIT = 30_000;
/** A folder in which what each process prints is kept besides. */
const KEPT_IN = process.env['TEST_LOGS_DIR'];

/** A built app in a process of its own, with exactly the environment that is given to it. */
export class AppProcess {
  private text = '';
  private constructor(
    readonly app: string,
    private readonly child: ChildProcess,
  ) {
    const file = KEPT_IN && createWriteStream(join(KEPT_IN, `${Date.now()}-${app}-${child.pid}.log`));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.text += chunk));
      if (file) stream?.pipe(file, { end: false });
    }
  }

  /** Runs the app, or another built bundle, and does not wait for anything. */
  static spawn(
    app: string,
    environment: Record<string, string>,
    args: string[] = [],
    bundle = bundleOf(app),
  ): AppProcess {
    const { PATH, HOME, TMPDIR } = process.env;
    const child = spawn(process.execPath, [bundle, ...args], {
      env: { PATH, HOME, TMPDIR, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new AppProcess(app, child);
  }

  /** Runs the app and waits until `readyUrl` answers 200. */
  static async start(
    app: string,
    environment: Record<string, string>,
    readyUrl: string,
    bundle?: string,
  ): Promise<AppProcess> {
    const started = AppProcess.spawn(app, environment, [], bundle);
    try {
      await started.until(async () => (await fetch(readyUrl)).ok, `${readyUrl} answers`);
    } catch (error) {
      await started.kill();
      throw error;
    }
    return started;
  }

  /** What it has printed so far. */
  get output(): string {
    return this.text;
  }

  get pid(): number {
    return this.child.pid!;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Sends a signal and waits for the end. @returns the exit code, or the signal that ended it */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals | null> {
    if (this.running) this.child.kill(signal);
    return this.exit();
  }

  kill(): Promise<number | NodeJS.Signals | null> {
    return this.end('SIGKILL');
  }

  /** Waits for the end. */
  async exit(): Promise<number | NodeJS.Signals | null> {
    if (this.running) await once(this.child, 'exit');
    return this.child.exitCode ?? this.child.signalCode;
  }

  private async until(condition: () => Promise<boolean>, what: string): Promise<void> {
    const giveUpAt = Date.now() + START_LIMIT;
    while (!(await condition().catch(() => false))) {
      if (!this.running) throw new Error(`${this.app} ended before ${what}:\n${this.text}`);
      if (Date.now() > giveUpAt) throw new Error(`${this.app} runs, but not so that ${what}:\n${this.text}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
