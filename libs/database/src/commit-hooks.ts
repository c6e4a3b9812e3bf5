export type CommitHook = () => unknown;

/** What has to wait for a transaction's commit. What belongs to a savepoint goes when that is rolled back. */
export class CommitHooks {
  private readonly hooks: CommitHook[] = [];
  /** For each open savepoint, how many hooks there were before it. */
  private readonly savepoints: number[] = [];

  add(hook: CommitHook): void {
    this.hooks.push(hook);
  }

  openSavepoint(): void {
    this.savepoints.push(this.hooks.length);
  }

  /** @param kept whether it was released (its hooks stay) or rolled back */
  closeSavepoint(kept: boolean): void {
    const before = this.savepoints.pop();
    if (!kept && before !== undefined) this.hooks.length = before;
  }

  all(): readonly CommitHook[] {
    return this.hooks;
  }
}
