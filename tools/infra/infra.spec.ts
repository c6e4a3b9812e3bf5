import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startOf } from '@rookery/embedded';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runArguments } from './docker-server.js';
import { environmentLines } from './environment-lines.js';
import { nats } from './nats.js';
import { candidates, nothingWorked } from './preference.js';
import { redis } from './redis.js';
import { EnvironmentServer } from './server-handle.js';
import { readState, writeState } from './state.js';
import { findProgram } from './surroundings.js';
import { takeDown } from './take-down.js';

describe('where a server comes from', () => {
  it.each([
    [{ url: 'redis://r', program: '/usr/bin/redis-server', apt: true, docker: true }, ['environment']],
    [{ program: '/usr/bin/redis-server', apt: true, docker: true }, ['path', 'package', 'docker']],
    [{ apt: true, docker: true }, ['package', 'docker']],
    [{ apt: false, docker: true }, ['docker']],
    [{ apt: false, docker: false }, []],
  ])('%j gives %j', (found, providers) => {
    expect(candidates(found).map(({ provider }) => provider)).toEqual(providers);
  });

  it('says what was tried and how to install one when nothing worked', () => {
    const { message } = nothingWorked(nats, { apt: true, docker: false }, ['package: no network']);
    expect(message.split('\n')).toEqual([
      'NATS could not be started. What was tried:',
      '  - NATS_URL is not set',
      '  - no nats-server on PATH or in the usual folders',
      '  - no Docker that answers',
      '  - package: no network',
      'Install one (Debian: apt-get install nats-server; macOS: brew install nats-server), start Docker, or set NATS_URL.',
    ]);
  });

  it('publishes containers on 127.0.0.1 only, from pinned images', () => {
    const words = runArguments(nats, 23_000).join(' ');
    expect(words).toContain('--publish 127.0.0.1:23000:4222 nats:2.11-alpine -js');
    expect(runArguments(redis, 23_001)).toEqual(
      expect.arrayContaining(['redis:8-alpine', '--save', '', '--appendonly']),
    );
  });

  it('refuses to stop a server that is not ours', async () => {
    const server = new EnvironmentServer('redis://cache:6379', 'REDIS_URL');
    await expect(server.stop()).rejects.toThrow('The server of REDIS_URL is not ours and cannot be stopped');
  });
});

describe('environment lines', () => {
  it('quotes only what a shell would take apart', () => {
    expect(
      environmentLines({ REDIS_URL: 'redis://127.0.0.1:22515', DATABASE_URL: "postgres://u:it's@h/d?a=1&b=2" }),
    ).toBe("REDIS_URL=redis://127.0.0.1:22515\nDATABASE_URL='postgres://u:it'\\''s@h/d?a=1&b=2'\n");
  });
});

describe('the state of infra:up', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'infra-spec-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const record = { provider: 'path', port: 22_000, file: '/usr/bin/redis-server', environment: {} } as const;

  it('is read back as written, and is empty when missing or damaged', async () => {
    expect(await readState(dir)).toEqual({});
    const state = { postgres: { port: 21_000 }, redis: { ...record, pid: 7, start: 'then' } };
    await writeState(dir, state);
    expect(await readState(dir)).toEqual(state);
    await writeFile(join(dir, 'state.json'), '{"postgres":');
    expect(await readState(dir)).toEqual({});
  });

  it('ends the recorded process, and not one that got its pid later', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const start = (await startOf(child.pid!))!;

    await writeState(dir, { redis: { ...record, pid: child.pid!, start: 'another time' } });
    expect(await takeDown(dir)).toEqual([]);
    expect(await startOf(child.pid!)).toBe(start);

    await writeState(dir, { redis: { ...record, pid: child.pid!, start } });
    const ended = once(child, 'exit');
    expect(await takeDown(dir)).toEqual([`ended Redis (process ${child.pid}, port 22000)`]);
    expect(await ended).toEqual([null, 'SIGTERM']);
    expect(await readdir(dir)).not.toContain('state.json');
  });

  it('has nothing to end where nothing was started', async () => {
    expect(await takeDown(join(dir, 'absent'))).toEqual([]);
  });

  it('finds programs in PATH order, and only those it can run', async () => {
    await mkdir(join(dir, 'a'));
    await mkdir(join(dir, 'b'));
    await writeFile(join(dir, 'a', 'rookery-probe'), '', { mode: 0o644 });
    await writeFile(join(dir, 'b', 'rookery-probe'), '', { mode: 0o755 });
    const PATH = `${join(dir, 'a')}:${join(dir, 'b')}`;
    expect(await findProgram(['rookery-absent', 'rookery-probe'], { PATH })).toBe(join(dir, 'b', 'rookery-probe'));
    expect(await findProgram(['rookery-absent'], { PATH })).toBeUndefined();
  });
});
