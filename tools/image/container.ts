import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import type { Engine } from './engine.mjs';

const run = promisify(execFile);

/** As the pods of k8s/base: no privileges, a root filesystem that is only read, the memory of a service. */
const AS_A_POD = [
  '--read-only',
  '--tmpfs=/tmp:rw,size=64m',
  '--memory=384m',
  '--cap-drop=ALL',
  '--security-opt=no-new-privileges',
];

export interface ContainerOptions {
  engine: Engine;
  image: string;
  environment: Record<string, string>;
  /** Reached as 127.0.0.1 with the same numbers. */
  ports: number[];
}

/** A container of an image, which ends with this process. */
export class Container {
  private constructor(
    private readonly engine: Engine,
    private readonly id: string,
  ) {
    process.once('exit', () => spawnSync(engine, ['rm', '--force', id], { stdio: 'ignore' }));
  }

  static async run({ engine, image, environment, ports }: ContainerOptions): Promise<Container> {
    const variables = Object.entries(environment).map(([name, value]) => `--env=${name}=${value}`);
    const words = [...AS_A_POD, '--no-healthcheck', ...network(ports), ...variables, image];
    const { stdout } = await run(engine, ['run', '--detach', ...words]);
    return new Container(engine, stdout.trim());
  }

  /** Runs it again after its end. */
  async start(): Promise<void> {
    await run(this.engine, ['start', this.id]);
  }

  /** What a program in the container prints. @throws Error when it ends with another exit code than 0 */
  async exec(...command: string[]): Promise<string> {
    const { stdout } = await run(this.engine, ['exec', this.id, ...command]);
    return stdout.trim();
  }

  /** Sends a signal and waits for the end. @returns the exit code, and how long it took in milliseconds */
  async end(signal: 'SIGTERM' | 'SIGKILL', { within }: { within: number }): Promise<{ code: number; took: number }> {
    const sent = Date.now();
    await run(this.engine, ['kill', `--signal=${signal}`, this.id]);
    const code = await this.ended(within).catch(async () => {
      throw new Error(`It still runs ${within} ms after ${signal}.\n${await this.log()}`);
    });
    return { code, took: Date.now() - sent };
  }

  /** Waits for the end. @returns the exit code @throws Error after `within` milliseconds */
  async ended(within: number): Promise<number> {
    const { stdout } = await run(this.engine, ['wait', this.id], { timeout: within });
    return Number(stdout);
  }

  /** When its process was started, in milliseconds since the epoch. */
  async startedAt(): Promise<number> {
    const { stdout } = await run(this.engine, ['inspect', '--format={{json .State.StartedAt}}', this.id]);
    return Date.parse(JSON.parse(stdout) as string);
  }

  async log(): Promise<string> {
    const { stdout, stderr } = await run(this.engine, ['logs', '--tail=20', this.id]);
    return stdout + stderr;
  }
}

/** The URL by which a container finds a server that listens on 127.0.0.1 of this machine. */
export function seenFromContainer(url: string): string {
  return process.platform === 'linux' ? url : url.replace('127.0.0.1', 'host.docker.internal');
}

/** Only on Linux are containers processes of this machine; elsewhere they are in a virtual one. */
function network(ports: number[]): string[] {
  if (process.platform === 'linux') return ['--network=host'];
  return ports.map((port) => `--publish=127.0.0.1:${port}:${port}`);
}
