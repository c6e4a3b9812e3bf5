import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { freePort, until } from '@rookery/embedded';
import type { ServerHandle } from './server-handle.js';
import type { ServerKind } from './server-kind.js';

// Pulling the image is part of `docker run` and not counted.
const COMING_UP = 30_000;

/** What the state file keeps of a container. */
export interface DockerRecord {
  provider: 'docker';
  port: number;
  container: string;
}

/** Redis or NATS in a container, published on 127.0.0.1. Its data live as long as the container. */
export class DockerServer implements ServerHandle {
  readonly provider = 'docker';

  private constructor(
    readonly kind: ServerKind,
    readonly record: DockerRecord,
  ) {}

  static fromRecord(kind: ServerKind, record: DockerRecord): DockerServer {
    return new DockerServer(kind, record);
  }

  static async run(kind: ServerKind): Promise<DockerServer> {
    const port = await freePort();
    const container = await docker(...runArguments(kind, port));
    const server = new DockerServer(kind, { provider: 'docker', port, container });
    try {
      await server.#answers();
    } catch (error) {
      await server.remove();
      throw error;
    }
    return server;
  }

  get url(): string {
    return this.kind.url(this.record.port);
  }

  async isAlive(): Promise<boolean> {
    const running = await docker('inspect', '--format', '{{.State.Running}}', this.record.container).catch(() => '');
    return running === 'true';
  }

  async start(): Promise<void> {
    await docker('start', this.record.container);
    await this.#answers();
  }

  async stop(): Promise<void> {
    await docker('stop', this.record.container);
  }

  async kill(): Promise<void> {
    await docker('kill', this.record.container);
  }

  /** Ends the container for good. */
  async remove(): Promise<void> {
    await docker('rm', '--force', '--volumes', this.record.container);
  }

  async #answers(): Promise<void> {
    const { port, container } = this.record;
    await until(() => this.kind.answers(port), {
      within: COMING_UP,
      every: 50,
      otherwise: async () =>
        `${this.kind.title} in container ${container.slice(0, 12)} does not answer on 127.0.0.1:${port} after ` +
        `${COMING_UP / 1000} s. Its log:\n${await docker('logs', '--tail', '20', container).catch(String)}`,
    });
  }
}

/** The words after `docker` that start a server of this kind, published on `port` of 127.0.0.1 only. */
export function runArguments(kind: ServerKind, port: number): string[] {
  const published = `127.0.0.1:${port}:${kind.containerPort}`;
  return [
    'run',
    '--detach',
    '--label',
    'rookery.infra',
    '--publish',
    published,
    kind.image,
    ...kind.containerArguments,
  ];
}

async function docker(...words: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('docker', words);
  return stdout.trim();
}
