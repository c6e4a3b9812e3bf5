import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { examine } from './examine.js';
import type { Check, Finding } from './finding.js';
import { THING_SERVICE } from './thing-service.fixture.js';
import { type Surroundings, Workspace } from './workspace/workspace.js';

const GOOGLEAPIS = 'libs/contracts/third_party/googleapis';

/** A small workspace on disk, for a test to break. */
export class TestWorkspace {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'rookery-doctor-')));

  constructor() {
    for (const [path, text] of Object.entries(THING_SERVICE)) this.write(path, text);
    cpSync(join(import.meta.dirname, '../..', GOOGLEAPIS), join(this.root, GOOGLEAPIS), { recursive: true });
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  /** @throws {Error} when the file does not have `before`: the test would break nothing */
  edit(path: string, before: string, after: string): void {
    const text = readFileSync(join(this.root, path), 'utf8');
    if (!text.includes(before)) throw new Error(`${path} has no ${before}`);
    this.write(path, text.replace(before, after));
  }

  delete(path: string): void {
    rmSync(join(this.root, path), { recursive: true });
  }

  git(...args: string[]): void {
    const author = ['-c', 'user.name=test', '-c', 'user.email=test@example.com'];
    execFileSync('git', [...author, ...args], { cwd: this.root, stdio: 'ignore' });
  }

  async examine(
    check: Check,
    surroundings: Partial<Surroundings> = {},
  ): Promise<{ findings: Finding[]; note?: string }> {
    const usual = { node: '20.19.0', environment: {}, against: 'HEAD', database: false };
    const workspace = new Workspace(this.root, { ...usual, ...surroundings });
    const [{ findings, note }] = (await examine(workspace, [check])) as [Awaited<ReturnType<typeof examine>>[0]];
    return { findings: [...findings], note };
  }

  remove(): void {
    rmSync(this.root, { recursive: true });
  }
}
