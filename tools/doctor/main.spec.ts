import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Finding } from './finding.js';
import { TestWorkspace } from './workspace.fixture.js';

const ROOT = join(import.meta.dirname, '../..');
/** What the doctor itself is made of. */
const SOURCES = ['tools/doctor', 'apps/platform/src/environment-view.ts'];
const PACKAGES = ['@bufbuild/buf', '@bufbuild/protobuf', '.bin/buf', 'tsx', 'typescript', 'yaml'];

let workspace: TestWorkspace;
beforeEach(() => {
  workspace = new TestWorkspace();
  workspace.edit('package.json', '{\n', '{\n  "type": "module",\n');
  for (const path of SOURCES) cpSync(join(ROOT, path), join(workspace.root, path), { recursive: true });
});
afterEach(() => workspace.remove());

/** Runs the workspace's own doctor, with all the packages that it needs but one. */
function doctor(missing: string | undefined, ...args: string[]) {
  for (const name of PACKAGES.filter((each) => each !== missing)) {
    const path = join(workspace.root, 'node_modules', name);
    mkdirSync(dirname(path), { recursive: true });
    const target = name === '.bin/buf' ? '../@bufbuild/buf/bin/buf' : join(ROOT, 'node_modules', name);
    symlinkSync(target, path);
  }
  const options = { cwd: workspace.root, encoding: 'utf8', env: { PATH: process.env.PATH } } as const;
  return spawnSync(process.execPath, ['tools/doctor/main.mjs', ...args], options);
}

// Each starts a process that compiles the doctor.
describe('npm run doctor, as a process', { timeout: 60_000 }, () => {
  it('ends with 0 when nothing is wrong', () => {
    const { status, stdout, stderr } = doctor(undefined, '--only=versions');
    expect(stderr).toBe('');
    expect(stdout).toContain('Nothing is wrong.');
    expect(status).toBe(0);
  });

  it('ends with 64 and its usage for a check that it does not have', () => {
    const { status, stderr } = doctor(undefined, '--only=version');
    expect(stderr).toMatch(/^doctor: there is no check "version"\n\nnpm run doctor -- \[options\]/);
    expect(status).toBe(64);
  });

  it.each(['tsx', 'yaml'])('finds that it cannot start without %s', (name) => {
    const { status, stdout, stderr } = doctor(name, '--json');
    expect(stderr).toBe('');
    const what = expect.stringContaining(
      `the doctor cannot start: Cannot find package '${name}' imported from tools/doctor/`,
    );
    const { findings } = JSON.parse(stdout) as { findings: Finding[] };
    expect(findings).toEqual([{ check: 'doctor', severity: 'error', what, fix: 'Run `npm ci`.' }]);
    expect(status).toBe(1);
  });

  it('finds that it cannot read the protos without buf', () => {
    const { status, stdout } = doctor('@bufbuild/buf', '--only=protos');
    expect(stdout).toContain('could not be checked: @bufbuild/buf is not installed; `npm ci` does that\n');
    expect(status).toBe(1);
  });

  it('finds what is wrong with a source that it is made of', () => {
    workspace.edit('apps/platform/src/environment-view.ts', 'export function prefixOf(', 'export function (');
    const { status, stdout, stderr } = doctor(undefined);
    expect(stderr).toBe('');
    expect(stdout).toMatch(
      /the doctor cannot start: .*\n {8}apps\/platform\/src\/environment-view\.ts:\d+:\d+: .*\n {8}fix: Mend what it says/,
    );
    expect(status).toBe(1);
  });
});
