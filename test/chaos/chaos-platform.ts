import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Servers, startServers } from '../../tools/infra/index.js';
import { type Answer, rest } from '../e2e/rest-client.js';
import { type RunningPlatform, type Spread, startDistributed } from '../e2e/topologies.js';

/** The distributed platform on servers of its own, whatever the environment offers: they are stopped and killed. */
export class ChaosPlatform {
  private constructor(
    /** Where files may lie until the end. */
    readonly dir: string,
    readonly servers: Servers,
    readonly platform: RunningPlatform,
  ) {}

  static async start(spread?: Spread): Promise<ChaosPlatform> {
    const dir = await mkdtemp(join(tmpdir(), 'rookery-chaos-'));
    let servers: Servers | undefined;
    try {
      // PostgreSQL flushes each commit, as it does by default.
      servers = await startServers({ dir, env: { PATH: process.env['PATH'] } });
      return new ChaosPlatform(dir, servers, await startDistributed(servers, spread));
    } catch (error) {
      await servers?.stop();
      await rm(dir, { recursive: true, force: true });
      throw error;
    }
  }

  /** The REST interface. */
  get api(): string {
    return `${this.platform.restUrl}/v1`;
  }

  post<T>(path: string, body: unknown): Promise<Answer<T>> {
    return rest<T>(`${this.api}${path}`, { method: 'POST', body });
  }

  /** @returns the id of a new user */
  async newUser(): Promise<string> {
    return (await this.post<{ id: string }>('/users', { email: `${randomUUID()}@example.com`, name: 'Ada' })).body.id;
  }

  async stop(): Promise<void> {
    await this.platform.stop();
    await this.servers.stop();
    await rm(this.dir, { recursive: true, force: true });
  }
}
