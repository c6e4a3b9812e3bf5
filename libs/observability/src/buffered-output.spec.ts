import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { BufferedOutput } from './buffered-output.js';

const folder = mkdtempSync(join(tmpdir(), 'rookery-output-'));
afterAll(() => rmSync(folder, { recursive: true }));

const MODULE = pathToFileURL(join(import.meta.dirname, 'buffered-output.ts')).href;

/** Runs `body`, in which `output` is one on standard output, in a process of its own. */
function run(body: string) {
  const code = `import { BufferedOutput } from '${MODULE}'; const output = new BufferedOutput(1); ${body}`;
  return spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

it('writes lines in their order, soon', async () => {
  const path = join(folder, 'log');
  const fd = openSync(path, 'w');
  const output = new BufferedOutput(fd);
  for (let line = 0; line < 2_000; line += 1) output.write(`line ${line}\n`);
  const expected = Array.from({ length: 2_000 }, (_, line) => `line ${line}\n`).join('');
  await expect.poll(() => readFileSync(path, 'utf8')).toBe(expected);
  closeSync(fd);
});

it('writes what waits when the process exits', async () => {
  const child = run(`output.write('last words\\n'); process.exit(0);`);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk));
  const [code] = await once(child, 'close');
  expect([code, text]).toEqual([0, 'last words\n']);
});

it('lets the process end when nobody reads any more', async () => {
  const child = run(
    `setInterval(() => output.write('x'.repeat(100) + '\\n'), 1); setTimeout(() => process.exit(0), 300);`,
  );
  child.stdout.destroy();
  const [code] = await once(child, 'close');
  expect(code).toBe(0);
});
