/** A command that did some of what it was to do; exit code 1. */
export class PartlyFailed extends Error {
  constructor(
    message: string,
    /** What was done, as the command prints it. */
    readonly output: string,
  ) {
    super(message);
  }
}
