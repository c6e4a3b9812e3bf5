import type { Check, Finding, Outcome } from './finding.js';
import type { Workspace } from './workspace/workspace.js';

/** What one check has found. */
export interface Result {
  readonly check: string;
  readonly promise: string;
  readonly findings: readonly Finding[];
  readonly note: string | undefined;
}

/** Runs the checks. One that fails has found something too: what it could not read. */
export async function examine(workspace: Workspace, checks: readonly Check[]): Promise<Result[]> {
  const results: Result[] = [];
  for (const check of checks) {
    const { problems, note } = await outcomeOf(check, workspace);
    const findings = problems.map((problem) => ({ check: check.name, ...problem }));
    results.push({ check: check.name, promise: check.promise, findings, note });
  }
  return results;
}

async function outcomeOf(check: Check, workspace: Workspace): Promise<Outcome> {
  try {
    return await check.run(workspace);
  } catch (error) {
    // Paths of this machine say nothing that those of the workspace do not.
    const message = (error as Error).message.replaceAll(`${workspace.root}/`, '');
    const fix = 'Mend what it could not read, and run it again.';
    return { problems: [{ severity: 'error', what: `could not be checked: ${message}`, fix }] };
  }
}
