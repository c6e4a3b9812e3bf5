/** `EX_CONFIG` of sysexits.h: the process ends with it when its configuration is wrong. */
export const EXIT_CODE_CONFIG = 78;

/** One variable that is wrong. */
export interface ConfigProblem {
  variable: string;
  /** What the variable holds; secrets are masked. Undefined: it is not set. */
  got: string | undefined;
  /** What it takes, in words. */
  takes: string;
}

/** The configuration is wrong; the message lists every problem at once. */
export class ConfigError extends Error {
  readonly exitCode = EXIT_CODE_CONFIG;

  constructor(readonly problems: readonly ConfigProblem[]) {
    const lines = problems.map(
      ({ variable, got, takes }) =>
        `  ${variable}: ${got === undefined ? 'is not set' : `got "${got}"`}; takes ${takes}`,
    );
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super(
      `The configuration has ${count}:\n${lines.join('\n')}\nEvery variable is described in docs/configuration.md.`,
    );
    this.name = 'ConfigError';
  }
}
