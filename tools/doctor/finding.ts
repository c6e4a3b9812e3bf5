import type { Workspace } from './workspace/workspace.js';

/** `error`: something fails, or will. `warning`: it works, and surprises somebody later. */
export type Severity = 'error' | 'warning';

/** One thing that is wrong, where it is, and what to do about it. */
export interface Problem {
  readonly severity: Severity;
  readonly what: string;
  /** `path:line` in the workspace, as far as there is one. */
  readonly where?: string;
  /** One sentence. */
  readonly fix: string;
}

/** A problem with the name of the check that found it. */
export interface Finding extends Problem {
  readonly check: string;
}

/** What a check has to say. */
export interface Outcome {
  readonly problems: readonly Problem[];
  /** What was not looked at, and why. */
  readonly note?: string;
}

/** Compares parts of a workspace. It changes nothing. */
export interface Check {
  readonly name: string;
  /** What holds when it finds nothing. */
  readonly promise: string;
  run(workspace: Workspace): Outcome | Promise<Outcome>;
}
