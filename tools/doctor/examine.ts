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
  const failures = new Map<unknown, string>();
  for (const check of checks) {
    const { problems, note } = await outcomeOf(check, workspace, failures);
    const findings = problems.map((problem) => ({ check: check.name, ...problem }));
    results.push({ check: check.name, promise: check.promise, findings, note });
  }
  return results;
}

/** @param failures the names of the checks that failed, by what they failed of */
async function outcomeOf(check: Check, workspace: Workspace, failures: Map<unknown, string>): Promise<Outcome> {
  try {
    return await check.run(workspace);
  } catch (error) {
    const first = failures.get(error);
    failures.set(error, first ?? check.name);
    // Paths of this machine say nothing that those of the workspace do not.
    const reason = (error as Error).message.replaceAll(`${workspace.root}/`, '').trim();
    const what = `could not be checked${first ? `, for the same reason as ${first}` : `: ${reason}`}`;
    return { problems: [{ severity: 'error', what, fix: 'Mend what it could not read, and run it again.' }] };
  }
}
