import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { type NatsConnection, connect } from '@nats-io/transport-node';
import { freePort } from '@rookery/embedded';

/** A NATS server of a test's own, which can be stopped, started again on the same port, and lose its store. */
export class NatsServer {
  private process: ChildProcess | undefined;

  private constructor(
    private readonly port: number,
    private store: string,
  ) {}

  /** Reserves a port; the server is not running yet. */
  static async prepare(): Promise<NatsServer> {
    return new NatsServer(await freePort(), await newStore());
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** @param options further options of its command line */
  start(...options: string[]): void {
    this.run('-js', '-sd', this.store, ...options);
  }

  /** Without JetStream: it takes connections, and no event. */
  startPlain(): void {
    this.run();
  }

  private run(...options: string[]): void {
    const args = ['-a', '127.0.0.1', '-p', String(this.port), ...options];
    this.process = spawn('nats-server', args, { stdio: 'ignore' });
  }

  /** It keeps its connections and says nothing on them, until `thaw`. */
  freeze(): void {
    this.process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.process?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    const { process } = this;
    this.process = undefined;
    if (!process || process.exitCode !== null) return;
    process.kill('SIGTERM');
    await once(process, 'exit');
  }

  /** As if the disk had been replaced. */
  async emptyStore(): Promise<void> {
    await rm(this.store, { recursive: true, force: true });
    this.store = await newStore();
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.store, { recursive: true, force: true });
  }
}

function newStore(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'rookery-nats-'));
}

/** What an operator does to streams and consumers behind the services' backs. */
export async function operator(url: string): Promise<{ nats: NatsConnection; jetstream: JetStreamManager }> {
  const nats = await connect({ servers: new URL(url).host, waitOnFirstConnect: true, reconnectTimeWait: 50 });
  return { nats, jetstream: await jetstreamManager(nats, { checkAPI: false }) };
}
