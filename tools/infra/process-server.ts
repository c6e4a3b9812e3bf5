import { spawn } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, isFree, isSameProcess, logTail, startOf, until } from '@rookery/embedded';
import { endWithThisProcess } from './end-with-this-process.js';
import type { Provider, ServerHandle } from './server-handle.js';
import type { ServerKind } from './server-kind.js';

const COMING_UP = 15_000;
const STOPPING = 10_000;
const ATTEMPTS = 5;

/** A program and what it needs in its environment beside PATH. */
export interface Program {
  file: string;
  environment: Record<string, string>;
}

/** What the state file keeps of such a server: enough to find it again, and only it. */
export interface ProcessRecord extends Program {
  provider: Provider;
  port: number;
  pid: number;
  /** When the process started: a reused pid does not match. */
  start: string;
}

/** Redis or NATS as a process of this machine, listening on 127.0.0.1. */
export class ProcessServer implements ServerHandle {
  #process?: { pid: number; start: string };
  #endsWithUs = false;

  constructor(
    readonly kind: ServerKind,
    readonly provider: Provider,
    private readonly program: Program,
    private readonly options: { dir: string; detached: boolean },
    private port = 0,
  ) {}

  static fromRecord(kind: ServerKind, record: ProcessRecord, dir: string): ProcessServer {
    const { provider, file, environment, port, pid, start } = record;
    const server = new ProcessServer(kind, provider, { file, environment }, { dir, detached: true }, port);
    server.#process = { pid, start };
    return server;
  }

  get url(): string {
    return this.kind.url(this.port);
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get record(): ProcessRecord | undefined {
    return this.#process && { provider: this.provider, port: this.port, ...this.#process, ...this.program };
  }

  async isAlive(): Promise<boolean> {
    return this.#process !== undefined && isSameProcess(this.#process.pid, this.#process.start);
  }

  async start(): Promise<void> {
    if (await this.isAlive()) return;
    const keepsPort = this.port !== 0;
    for (let attempt = 1; ; attempt++) {
      const port = keepsPort ? this.port : await freePort();
      const failure = (await isFree(port)) ? await this.#launch(port) : 'Address already in use.';
      if (failure === undefined) return;
      const taken = /address already in use/i.test(failure);
      if (taken && !keepsPort && attempt < ATTEMPTS) continue;
      throw new Error(`${this.kind.title} (${this.program.file}) did not come up on 127.0.0.1:${port}. ${failure}`);
    }
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM').catch(() => this.#end('SIGKILL'));
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** Resolves to what went wrong, with the end of the log. */
  async #launch(port: number): Promise<string | undefined> {
    const { dir, detached } = this.options;
    const dataDir = join(dir, this.kind.name);
    await mkdir(dataDir, { recursive: true });
    const log = join(dir, `${this.kind.name}.log`);
    const output = await open(log, 'w');
    const child = spawn(this.program.file, this.kind.programArguments(port, dataDir), {
      detached, // a session of its own, which outlives the terminal
      stdio: ['ignore', output.fd, output.fd],
      cwd: dataDir,
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', ...this.program.environment },
    });
    await output.close();
    let ended = '';
    child.once('error', (error) => (ended = error.message));
    child.once('exit', (code, signal) => (ended = `It ended with ${code ?? signal}.`));
    child.unref();

    const otherwise = () => `It does not answer after ${COMING_UP / 1000} s.`;
    const answered = async () => ended !== '' || this.kind.answers(port);
    await until(answered, { within: COMING_UP, otherwise }).catch((error: Error) => {
      ended = error.message;
      child.kill('SIGKILL');
    });
    const start = child.pid === undefined ? undefined : await startOf(child.pid);
    if (ended !== '' || start === undefined) return `${ended} The end of ${log}:\n${await logTail(log)}`;
    this.port = port;
    this.#process = { pid: child.pid!, start };
    if (!detached && !this.#endsWithUs) endWithThisProcess(() => this.pid, 'SIGKILL');
    this.#endsWithUs = true;
    return undefined;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!(await this.isAlive())) return;
    const { pid } = this.#process!;
    process.kill(pid, signal);
    await until(async () => !(await this.isAlive()), {
      within: STOPPING,
      otherwise: () => `${this.kind.title} (process ${pid}) is still there ${STOPPING / 1000} s after ${signal}.`,
    });
    this.#process = undefined;
  }
}
