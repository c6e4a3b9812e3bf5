import { EXIT_CODE_CONFIG } from '@rookery/config';

/** The protos ask for something that the gateway cannot serve; the message lists every such place. Stops the start. */
export class ContractError extends Error {
  readonly exitCode = EXIT_CODE_CONFIG;

  constructor(readonly problems: readonly string[]) {
    super(`The protos cannot be served as REST:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'ContractError';
  }
}
