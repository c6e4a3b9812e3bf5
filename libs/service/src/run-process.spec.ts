import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const FIXTURE = fileURLToPath(new URL('run-process.fixture.ts', import.meta.url));

/** Ends the process while it starts. @returns its exit code, and what it said */
async function ended(start: number, stop: number): Promise<{ code: unknown; said: string[] }> {
  const child = spawn(process.execPath, ['--import', 'tsx', FIXTURE], {
    env: { PATH: process.env['PATH'], START: String(start), STOP: String(stop) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    if (output === '') child.kill('SIGTERM');
    output += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, said: output.trim().split('\n') };
}

it('has a start that is told to stop come to its end, and the stop take its time', { timeout: 20_000 }, async () => {
  expect(await ended(500, 2_500)).toEqual({ code: 0, said: ['starting', 'closing', 'closed'] });
});

it('does not wait for a start that does not come to its end', { timeout: 20_000 }, async () => {
  expect(await ended(15_000, 0)).toEqual({ code: 0, said: ['starting'] });
});
