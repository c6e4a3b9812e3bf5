import { parseArgs } from 'node:util';
import { CHECKS } from './checks.js';
import { examine } from './examine.js';
import { report } from './report.js';
import { type Surroundings, Workspace } from './workspace/workspace.js';

/** The command line makes no sense. */
export class UsageError extends Error {}

export const USAGE = `npm run doctor -- [options]: what is wrong with this workspace, and how to mend it
  --only ports,protos   these checks: ${CHECKS.map(({ name }) => name).join(', ')}
  --against COMMIT      what the protos must not break; HEAD by default
  --database            also runs the migrations, in databases that are dropped again
  --json                the findings as JSON
Exit code 1 when there is an error, 64 for a wrong option.`;

/**
 * The command, in the workspace `root`.
 * @returns what to print, and whether all is well but for warnings
 * @throws {UsageError} for options that it does not have
 */
export async function runDoctor(
  args: string[],
  root: string,
  { node, environment }: Pick<Surroundings, 'node' | 'environment'>,
): Promise<{ output: string; healthy: boolean }> {
  const { only, against, database, json, help } = read(args);
  if (help) return { output: USAGE, healthy: true };
  const workspace = new Workspace(root, { node, environment, against, database });
  const results = await examine(workspace, chosen(only));
  const findings = results.flatMap((result) => result.findings);
  const notes = Object.fromEntries(results.flatMap(({ check, note }) => (note === undefined ? [] : [[check, note]])));
  return {
    output: json ? JSON.stringify({ findings, notes }, null, 2) : report(results),
    healthy: findings.every(({ severity }) => severity !== 'error'),
  };
}

function read(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        only: { type: 'string' },
        against: { type: 'string', default: 'HEAD' },
        database: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function chosen(only: string | undefined) {
  if (only === undefined) return CHECKS;
  const names = only.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !CHECKS.some((check) => check.name === name));
  if (unknown !== undefined) throw new UsageError(`there is no check "${unknown}"`);
  return CHECKS.filter(({ name }) => names.includes(name));
}
