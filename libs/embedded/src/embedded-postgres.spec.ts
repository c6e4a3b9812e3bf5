import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EmbeddedPostgres, removeEmbeddedPostgres, startOf, stopEmbeddedPostgres, until } from './index.js';

const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
const isRoot = process.getuid?.() === 0;
let dataDir: string;

const newFolder = async () => {
  dataDir = join(await mkdtemp(join(tmpdir(), 'embedded-spec-')), 'postgres');
};
const removeFolder = async () => {
  await removeEmbeddedPostgres(dataDir);
  await rm(join(dataDir, '..'), { recursive: true, force: true });
};

describe('EmbeddedPostgres', { timeout: 30_000 }, () => {
  beforeAll(async () => {
    await newFolder();
    await mkdir(join(dataDir, 'initializing', 'cluster'), { recursive: true });
    await writeFile(join(dataDir, 'initializing', 'cluster', 'PG_VERSION'), '18\n');
  });
  afterAll(removeFolder);

  it('starts over after an interrupted initdb, is shared in the process, stopped by the last one that lets go, and keeps its data', async () => {
    const lines: string[] = [];
    const onProgress = (line: string) => lines.push(line);
    const [one, two] = await Promise.all([
      EmbeddedPostgres.start({ dataDir, settings, onProgress }),
      EmbeddedPostgres.start({ dataDir, settings }),
    ]);
    expect(two.url).toBe(one.url);
    expect(one.port).toBeGreaterThanOrEqual(20_000);
    expect(one.port).toBeLessThan(30_000);
    expect((await stat(join(dataDir, 'password'))).mode & 0o777).toBe(0o600);
    expect(lines.at(-1)).toBe(`PostgreSQL is ready on 127.0.0.1:${one.port}`);

    const urls = await Promise.all(Array.from({ length: 8 }, (_, n) => (n % 2 ? one : two).database('user_service')));
    expect(new Set(urls).size).toBe(1);
    await query(urls[0]!, 'CREATE TABLE note AS SELECT 42 AS answer');

    await one.release();
    await one.release();
    expect(await query(urls[0]!, 'SHOW server_encoding')).toEqual([{ server_encoding: 'UTF8' }]);
    await two.release();
    expect(await startOf(one.pid)).toBeUndefined();

    lines.length = 0;
    const again = await EmbeddedPostgres.start({ dataDir, settings, onProgress });
    expect(lines).toEqual([`PostgreSQL is ready on 127.0.0.1:${again.port}`]);
    expect(await query(await again.database('user_service'), 'SELECT answer FROM note')).toEqual([{ answer: 42 }]);
    await again.release();
  });

  it('recovers when the server was killed and its postmaster.pid names another process by now', async () => {
    const before = await EmbeddedPostgres.start({ dataDir, settings: { fsync: 'off' } });
    await query(before.url, 'CREATE TABLE note AS SELECT 42 AS answer');
    process.kill(before.pid, 'SIGKILL');
    await until(async () => (await startOf(before.pid)) === undefined, {
      within: 5000,
      otherwise: () => 'still alive',
    });

    // The dead server's pid, reused: it now is a process of ours, which PostgreSQL alone would take for a server.
    const pidFile = join(dataDir, 'cluster', 'postmaster.pid');
    const stale = await readFile(pidFile, 'utf8');
    await writeFile(pidFile, stale.replace(String(before.pid), String(process.ppid)));

    const after = await EmbeddedPostgres.start({ dataDir });
    expect(await query(after.url, 'SELECT answer FROM note')).toEqual([{ answer: 42 }]);
    await after.release();
    await before.release();
  });

  it('outlives its users when told to, until stopped', async () => {
    const postgres = await EmbeddedPostgres.start({ dataDir, settings });
    await postgres.keepRunning();
    expect(await stopEmbeddedPostgres(dataDir)).toEqual({ outcome: 'in use', pids: [String(process.pid)] });
    await postgres.keepRunning();
    await postgres.release();
    expect(await startOf(postgres.pid)).toBeDefined();
    expect(await stopEmbeddedPostgres(dataDir)).toEqual({ outcome: 'stopped', pid: postgres.pid });
    expect(await stopEmbeddedPostgres(dataDir)).toEqual({ outcome: 'not running' });
  });

  it('shows the end of the log when the server does not come up', async () => {
    const failing = EmbeddedPostgres.start({ dataDir, settings: { shared_buffers: 'much' } });
    await expect(failing).rejects.toThrow(/did not come up[^]*invalid value for parameter "shared_buffers": "much"/);
  });
});

describe('EmbeddedPostgres on an empty folder', { timeout: 30_000 }, () => {
  beforeEach(newFolder);
  afterEach(removeFolder);

  it('is shared by processes that start at the same instant, in a session of its own, and survives their death', async () => {
    const [killed, orderly] = [startUser(), startUser()];
    const [one, two] = await Promise.all([answerOf(killed), answerOf(orderly)]);
    expect(one).toEqual(two);
    const { stdout: group } = await promisify(execFile)('ps', ['-o', 'pgid=', '-p', String(one.pid)]);
    expect(Number(group)).toBe(one.pid);

    orderly.stdin!.end();
    expect(await once(orderly, 'exit')).toEqual([0, null]);
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    expect(await startOf(one.pid)).toBeDefined();

    const adopted = await EmbeddedPostgres.start({ dataDir });
    expect(adopted.pid).toBe(one.pid);
    await adopted.release();
    expect(await startOf(one.pid)).toBeUndefined();
    expect(await readdir(join(dataDir, 'users'))).toEqual([]);
  });

  it.runIf(isRoot)('runs as another account where user namespaces are not permitted', async () => {
    // mkdtemp made the parent 0700, which that account cannot enter: the data go to /var/tmp, the programs to a copy.
    const postgres = await EmbeddedPostgres.start({ dataDir, settings, way: 'account' });
    const home = await readFile(join(dataDir, 'moved-to'), 'utf8');
    expect((await stat(join(home, 'cluster'))).uid).not.toBe(0);
    expect(await query(postgres.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await postgres.release();
    const again = await EmbeddedPostgres.start({ dataDir, settings });
    await again.release();
    await removeEmbeddedPostgres(dataDir);
    await expect(stat(home)).rejects.toThrow('ENOENT');
  });
});

function startUser(): ChildProcess {
  const program = join(import.meta.dirname, 'user-process.fixture.ts');
  return spawn(process.execPath, ['--import', 'tsx', program, dataDir], { stdio: ['pipe', 'pipe', 'inherit'] });
}

async function answerOf(user: ChildProcess): Promise<{ pid: number; url: string }> {
  const [line] = (await once(user.stdout!, 'data')) as [Buffer];
  return JSON.parse(line.toString()) as { pid: number; url: string };
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client(url);
  await client.connect();
  try {
    return (await client.query(sql)).rows as unknown[];
  } finally {
    await client.end();
  }
}
