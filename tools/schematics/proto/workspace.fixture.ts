import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const repository = join(here, '../../..');

/** What the sources of a service need around them to be compiled, linted, tested and served. */
const COPIED = [
  'libs',
  'test/conformance',
  'proto',
  'buf.yaml',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'vitest.config.ts',
  '.oxlintrc.json',
  '.prettierrc',
];

/** A workspace with the protos of `fixture/`, in a folder of its own. */
export class Workspace {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'rookery-proto-first-')));

  constructor() {
    for (const path of COPIED) cpSync(join(repository, path), join(this.root, path), { recursive: true });
    cpSync(join(here, 'fixture'), join(this.root, 'proto'), { recursive: true });
    symlinkSync(join(repository, 'node_modules'), join(this.root, 'node_modules'));
  }

  write(path: string, content: string): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }

  /** Writes the contracts of its protos. */
  generateContracts(): void {
    execFileSync(process.execPath, [join(this.root, 'libs/contracts/generate.mjs')]);
  }

  /** Runs a program of node_modules/.bin and gives all that it says when it fails, or ''. */
  complaintsOf(program: string, ...args: string[]): string {
    const bin = join(this.root, 'node_modules/.bin', program);
    const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], {
      cwd: this.root,
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '', VITEST: undefined, NO_COLOR: '1' },
    });
    return status === 0 ? '' : stdout + stderr;
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
