import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Check, Outcome, Problem } from '../finding.js';
import { buf } from '../workspace/buf.js';

/** What buf says of one change. */
interface Breakage {
  readonly path?: string;
  readonly start_line?: number;
  readonly type: string;
  readonly message: string;
}

/** What buf needs to read the protos of a commit. */
const PROTOS = ['buf.yaml', 'proto', 'libs/contracts/third_party'];

/** Clients and messages on their way are of the release before. */
export const breaking: Check = {
  name: 'breaking',
  promise: 'the protos are compatible with those that were committed',
  run: ({ root, surroundings: { against } }): Outcome => {
    const git = (...args: string[]) => spawnSync('git', args, { cwd: root, encoding: 'utf8' });
    if (git('rev-parse', '--verify', '--quiet', `${against}^{commit}`).status !== 0) {
      const what = `there is no commit ${against} to compare with`;
      // Before the first commit, nothing can break.
      if (against === 'HEAD') return { problems: [], note: what };
      const fix = 'Correct the name, or fetch it (`git fetch`).';
      return { problems: [{ severity: 'error', what, fix }] };
    }
    const folder = mkdtempSync(join(tmpdir(), 'rookery-doctor-'));
    try {
      const archive = join(folder, 'before.tar');
      const present = PROTOS.filter((path) => git('cat-file', '-e', `${against}:./${path}`).status === 0);
      if (!present.includes('proto')) return { problems: [], note: `${against} has no protos` };
      const { status, stderr } = git('archive', '--format=tar', `--output=${archive}`, against, '--', ...present);
      if (status !== 0) throw new Error(`git archive: ${stderr}`.trim());
      return { problems: compare(root, archive, against) };
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

function compare(root: string, archive: string, against: string): Problem[] {
  const options = ['--against', archive, '--exclude-imports', '--error-format', 'json'];
  const { status, stdout, stderr } = buf(root, 'breaking', ...options);
  // 100: there is something that breaks.
  if (status !== 0 && status !== 100) throw new Error(`buf breaking: ${stderr}${stdout}`.trim());
  const lines = stdout.toString().split('\n').filter(Boolean);
  const breakages = lines.map((line) => JSON.parse(line) as Breakage);
  const broken = breakages.find(({ type }) => type === 'COMPILE');
  if (broken) throw new Error(`the protos do not build: ${broken.path}:${broken.start_line}: ${broken.message}`);
  return breakages.map(({ path, start_line, type, message }) => ({
    // A proto that goes with its service was meant to; who still calls it is not seen from here.
    severity: type === 'FILE_NO_DELETE' ? 'warning' : 'error',
    what: `${message} (${type}, since ${against})`,
    where: path && existsSync(join(root, path)) ? `${path}:${start_line}` : 'proto',
    fix: 'Leave what is there and add beside it; what is no longer used is deprecated first.',
  }));
}
