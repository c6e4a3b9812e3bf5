/** What must be undone when a test is over, the last thing first. */
export class CleanUps {
  private readonly steps: (() => unknown)[] = [];

  add(step: () => unknown): void {
    this.steps.push(step);
  }

  /**
   * Undoes everything, once: a step that fails leaves the others to be done.
   * @throws what a step failed with, or an AggregateError when several did
   */
  async run(): Promise<void> {
    const errors: unknown[] = [];
    for (const step of this.steps.splice(0).toReversed()) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 1) throw new AggregateError(errors, `${errors.length} steps of cleaning up failed`);
    if (errors.length === 1) throw errors[0];
  }
}
