import { EmbeddedPostgres, startOf, until } from '@rookery/embedded';
import { endWithThisProcess } from './end-with-this-process.js';
import type { ServerHandle } from './server-handle.js';

const STOPPING = 30_000;

/** PostgreSQL from npm behind the same handle as the others. */
export class PostgresServer implements ServerHandle {
  readonly provider = 'npm';
  #postgres?: EmbeddedPostgres;
  #url = '';
  #endsWithUs = false;

  constructor(
    private readonly options: {
      dataDir: string;
      detached: boolean;
      port?: number;
      settings?: Record<string, string>;
      onProgress?: (line: string) => void;
    },
  ) {}

  get url(): string {
    return this.#url;
  }

  get pid(): number | undefined {
    return this.#postgres?.pid;
  }

  /** What the state file keeps: the next start is on the same port. */
  get record(): { port: number } | undefined {
    return this.options.port === undefined ? undefined : { port: this.options.port };
  }

  async start(): Promise<void> {
    const postgres = await EmbeddedPostgres.start(this.options);
    if (this.options.detached) await postgres.keepRunning();
    if (this.options.detached) await postgres.release();
    else await this.#postgres?.release(); // of the server that ran before: its entry would count as a user
    this.options.port = postgres.port; // the next start is on the same
    this.#url = postgres.url;
    this.#postgres = postgres;
    if (!this.options.detached && !this.#endsWithUs) endWithThisProcess(() => this.pid, 'SIGINT');
    this.#endsWithUs = true;
  }

  /** Whoever else uses the server: a test that stops it means it. */
  stop(): Promise<void> {
    return this.#end('SIGINT'); // PostgreSQL's fast shutdown
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const postgres = this.#postgres;
    if (!postgres) return;
    const start = await startOf(postgres.pid);
    if (start !== undefined) {
      process.kill(postgres.pid, signal);
      await until(async () => (await startOf(postgres.pid)) !== start, {
        within: STOPPING,
        otherwise: () => `PostgreSQL (process ${postgres.pid}) is still there ${STOPPING / 1000} s after ${signal}.`,
      });
    }
    await postgres.release();
    this.#postgres = undefined;
  }
}
