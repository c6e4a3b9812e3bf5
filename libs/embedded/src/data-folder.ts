import { createHash, randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, canReach } from './account.js';
import { Users } from './users.js';

/**
 * What lies where in a data folder:
 *
 *     cluster/    PGDATA                       password   of the superuser, mode 0600
 *     users/      who uses the server          server.log
 *     lock/       who may change any of this   moved-to   path of the folder that holds `cluster` instead of this one
 */
export class DataFolder {
  readonly lock: string;
  readonly log: string;
  readonly users: Users;

  private constructor(readonly path: string) {
    this.lock = join(path, 'lock');
    this.log = join(path, 'server.log');
    this.users = new Users(join(path, 'users'));
  }

  /** Makes the folder if needed. Two names of one folder give the same path, so they share one server. */
  static async open(dataDir: string): Promise<DataFolder> {
    try {
      await mkdir(dataDir, { recursive: true });
      return new DataFolder(await realpath(dataDir));
    } catch (cause) {
      throw new Error(
        `The data folder ${dataDir} of the embedded PostgreSQL cannot be made: ${(cause as Error).message}. ` +
          'Make its parent writable for this user, or choose another folder.',
        { cause },
      );
    }
  }

  /** @throws Error when the folder is somebody else's, which would fail later and less readably. */
  async assertUsable(): Promise<void> {
    const uid = process.getuid!();
    const owner = (await stat(this.path)).uid;
    if (uid === 0 || uid === owner) return;
    throw new Error(
      `The data folder ${this.path} belongs to uid ${owner} and this process runs as uid ${uid}: run as that user, or ` +
        'remove the folder (its data is lost) and start again.',
    );
  }

  /** The superuser's password, made at the first call. */
  async password(): Promise<string> {
    const file = join(this.path, 'password');
    const known = await readFile(file, 'utf8').catch(() => '');
    if (known) return known;
    if ((await this.cluster()).exists) {
      throw new Error(`${file} is missing, and with it the way into the cluster: run "npm run reset" to start over.`);
    }
    const password = randomBytes(18).toString('base64url');
    await writeFile(`${file}.new`, password, { mode: 0o600 });
    await this.giveToOwner(`${file}.new`);
    await rename(`${file}.new`, file);
    return password;
  }

  /** Where the cluster is or will be, and who owns it. */
  async cluster(): Promise<ClusterPlace> {
    const home = await this.home();
    const path = join(home, 'cluster');
    const found = await stat(join(path, 'PG_VERSION')).catch(() => undefined);
    return { home, path, exists: found !== undefined, owner: found && { uid: found.uid, gid: found.gid } };
  }

  /** The same, after moving it (before there is data) to a place which the account can enter. */
  async clusterFor(account: Account): Promise<ClusterPlace> {
    const place = await this.cluster();
    if (await canReach(account, place.exists ? place.path : place.home)) return place;
    if (place.exists) {
      throw new Error(
        `The cluster ${place.path} (owner uid ${place.owner?.uid}) cannot be entered by ${account.name}, as which ` +
          'PostgreSQL has to run: run as the user that made it, or "npm run reset" to start over without its data.',
      );
    }
    const home = this.elsewhere();
    await rm(home, { recursive: true, force: true }); // of a data folder deleted by hand; PostgreSQL stops by itself then
    await mkdir(home, { mode: 0o755 });
    await writeFile(join(this.path, 'moved-to'), home);
    return this.cluster();
  }

  /** Files that root makes in a user's folder stay usable for that user. */
  async giveToOwner(file: string): Promise<void> {
    if (process.getuid!() !== 0) return;
    const { uid, gid } = await stat(this.path);
    await chown(file, uid, gid);
  }

  private async home(): Promise<string> {
    const moved = await readFile(join(this.path, 'moved-to'), 'utf8').catch(() => '');
    if (!moved) return this.path;
    if (moved !== this.elsewhere()) throw new Error(`${this.path}/moved-to names ${moved}: run "npm run reset".`);
    if (await stat(moved).catch(() => undefined)) return moved;
    throw new Error(`${moved}, which holds the data of ${this.path}, is gone: run "npm run reset" to start over.`);
  }

  /** A public place, for accounts that cannot enter the data folder. */
  elsewhere(): string {
    return `/var/tmp/rookery-postgres-${createHash('sha256').update(this.path).digest('hex').slice(0, 16)}`;
  }
}

export interface ClusterPlace {
  home: string;
  path: string;
  exists: boolean;
  owner?: { uid: number; gid: number };
}
