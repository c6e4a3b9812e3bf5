import { execFile, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { userInfo } from 'node:os';
import { promisify } from 'node:util';

const NAMESPACE = ['unshare', '-U', '--map-user=65534', '--map-group=65534', '--'];
// Nothing of the caller's environment: PGDATA, PGPORT and the like would change what PostgreSQL does.
const ENV = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' };

/** As whom PostgreSQL's programs run. They refuse root, and they refuse a uid that has no name. */
export interface Account {
  /** For messages. */
  name: string;
  /** Words before the program: a user namespace in which our own uid is called `nobody`. */
  prefix: string[];
  /** The account to switch to, when it is another than ours. */
  switchTo?: { uid: number; gid: number };
}

/** Which way to take when PostgreSQL cannot run as the current user; tests name one, everyone else gets the first that works. */
export type Way = 'namespace' | 'account';

/**
 * Decides as whom to run PostgreSQL. An ordinary user runs it as is. Root, in this order: as the owner of an existing
 * cluster when that is not root; in a user namespace; as the account `postgres`, else `nobody`.
 *
 * @throws Error when no way is left, with what to do.
 */
export async function chooseAccount(clusterOwner?: { uid: number; gid: number }, only?: Way): Promise<Account> {
  const uid = process.getuid!();
  if (uid !== 0) {
    if (hasName()) return { name: `uid ${uid}`, prefix: [] };
    if (await namespaceWorks()) return inNamespace(uid);
    throw new Error(
      `PostgreSQL refuses to run as uid ${uid}, which has no entry in /etc/passwd: run as a user that has one (with ` +
        'docker: --user node), add one, or set DATABASE_URL to a PostgreSQL server of your own.',
    );
  }
  if (clusterOwner && clusterOwner.uid !== 0) {
    return { name: `uid ${clusterOwner.uid}`, prefix: [], switchTo: clusterOwner };
  }
  if (only !== 'account' && (await namespaceWorks())) return inNamespace(uid);
  for (const name of ['postgres', 'nobody']) {
    const switchTo = await idsOf(name);
    const account = { name: `account ${name}`, prefix: [], switchTo };
    if (switchTo && (await exitCode(account, 'true', [])) === 0) return account;
  }
  throw new Error(
    'PostgreSQL refuses to run as root, user namespaces are not permitted here (unshare -U fails), and there is no ' +
      'account "postgres" or "nobody" that root may switch to: run as an ordinary user, or set DATABASE_URL to a ' +
      'PostgreSQL server of your own.',
  );
}

/** Starts a program as that account, in a folder every account can enter. */
export function spawnAs(account: Account, program: string, args: string[], options: SpawnOptions): ChildProcess {
  const [file, ...rest] = [...account.prefix, program, ...args];
  return spawn(file!, rest, { cwd: '/', env: ENV, ...account.switchTo, ...options });
}

/** Whether that account can read and enter (a folder) or run (a program) this path. */
export async function canReach(account: Account, path: string): Promise<boolean> {
  if (account.prefix.length === 0 && !account.switchTo) return true;
  return (await exitCode(account, 'test', ['-r', path, '-a', '-x', path])) === 0;
}

function inNamespace(uid: number): Account {
  return { name: `uid ${uid} in a user namespace`, prefix: NAMESPACE };
}

async function namespaceWorks(): Promise<boolean> {
  return process.platform === 'linux' && (await exitCode(inNamespace(0), 'true', [])) === 0;
}

function exitCode(account: Account, program: string, args: string[]): Promise<number | null> {
  return new Promise((resolve) => {
    try {
      spawnAs(account, program, args, { stdio: 'ignore' })
        .once('error', () => resolve(null))
        .once('exit', resolve);
    } catch {
      resolve(null);
    }
  });
}

function hasName(): boolean {
  try {
    return userInfo().username !== '';
  } catch {
    return false;
  }
}

async function idsOf(name: string): Promise<{ uid: number; gid: number } | undefined> {
  const id = async (flag: string) => Number((await promisify(execFile)('id', [flag, name], { env: ENV })).stdout);
  try {
    const [uid, gid] = await Promise.all([id('-u'), id('-g')]);
    return uid === 0 ? undefined : { uid, gid };
  } catch {
    return undefined;
  }
}
