import { relative } from 'node:path';
import { chooseAccount, type Way } from './account.js';
import { findBinaries } from './binaries.js';
import { createDatabase } from './create-database.js';
import { DataFolder } from './data-folder.js';
import { initialize } from './initialize.js';
import { launch, settled } from './launch.js';
import { withLock } from './lock.js';
import type { Postmaster } from './postmaster.js';
import { stopUnlessUsed } from './stop.js';

export interface EmbeddedPostgresOptions {
  /** The folder of the server and its data, made if missing. One folder, one server, whoever asks. */
  dataDir: string;
  /** The port of 127.0.0.1 to listen on; default: a free one. A server that runs already keeps its own. */
  port?: number;
  /** Told what happens, a line each, for a person at a terminal. */
  onProgress?: (line: string) => void;
  /** Server settings (`postgresql.conf` names), for example `{ fsync: 'off' }` in tests. A running server keeps its own. */
  settings?: Record<string, string>;
  /** @internal Which way around PostgreSQL's refusal of root to take; tests only. */
  way?: Way;
}

/**
 * A real PostgreSQL out of npm, for development and tests: nothing to install, one server per data folder, shared by
 * every process that asks for it, stopped when the last one lets go. After a `kill -9` the server goes on; the next
 * `start()` adopts it.
 *
 *     const postgres = await EmbeddedPostgres.start({ dataDir: '.rookery/postgres' });
 *     const url = await postgres.database('user_service');
 *     await postgres.release();
 */
export class EmbeddedPostgres {
  /** URL of the superuser in the database `postgres`, on 127.0.0.1. */
  readonly url: string;
  readonly port: number;
  /** Of the server (its postmaster). */
  readonly pid: number;
  #released?: Promise<void>;

  private constructor(
    private readonly folder: DataFolder,
    private readonly entry: string,
    server: Postmaster,
    password: string,
  ) {
    this.port = server.port;
    this.pid = server.pid;
    this.url = `postgres://postgres:${password}@127.0.0.1:${server.port}/postgres`;
  }

  /**
   * Attaches to the server of `dataDir`, starting it if it does not run and making its data if there is none (1 to 2 s,
   * once).
   *
   * @throws Error that says what failed, with the end of the server's log, and what to do.
   */
  static async start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const folder = await DataFolder.open(options.dataDir);
    await folder.assertUsable();
    return withLock(folder.lock, async () => {
      const password = await folder.password();
      const server = await running(folder, password, options);
      options.onProgress?.(`PostgreSQL is ready on 127.0.0.1:${server.port}`);
      return new EmbeddedPostgres(folder, await folder.users.enter(), server, password);
    });
  }

  /** Creates a database unless it exists, whoever else asks for it at the same time. Resolves to its URL. */
  database(name: string): Promise<string> {
    return createDatabase(this.url, name);
  }

  /** Makes the server outlive its users, until `stopEmbeddedPostgres(dataDir)`. */
  keepRunning(): Promise<void> {
    return withLock(this.folder.lock, () => this.folder.users.keep());
  }

  /** Lets go. The server stops, ending open connections, when this was its last live user. Calling it again does nothing. */
  release(): Promise<void> {
    this.#released ??= withLock(this.folder.lock, async () => {
      await this.folder.users.leave(this.entry);
      await stopUnlessUsed(this.folder);
    });
    return this.#released;
  }
}

/** The server of a folder, started if need be. The caller holds the lock. */
async function running(folder: DataFolder, password: string, options: EmbeddedPostgresOptions): Promise<Postmaster> {
  const { path, owner, exists } = await folder.cluster();
  const found = exists && (await settled(path, folder.log));
  if (found) return found;

  const account = await chooseAccount(owner, options.way);
  const binaries = await findBinaries(account);
  const place = await folder.clusterFor(account);
  if (!place.exists) {
    const shown = relative(process.cwd(), options.dataDir) || '.';
    const major = binaries.version.split('.')[0];
    options.onProgress?.(
      `preparing PostgreSQL ${major} in ${shown.startsWith('..') ? folder.path : shown} (first start only)`,
    );
  }
  await initialize(place, { account, binaries, password, sync: options.settings?.fsync !== 'off' });
  return launch({ ...options, cluster: place.path, folder, account, binaries });
}
