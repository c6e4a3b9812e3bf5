/** Signals a server when this process exits without having stopped it, so that a test run leaves none behind. */
export function endWithThisProcess(pid: () => number | undefined, signal: NodeJS.Signals): void {
  process.once('exit', () => {
    try {
      const running = pid();
      if (running !== undefined) process.kill(running, signal);
    } catch {
      // it is gone already, and an exit handler has nobody to tell
    }
  });
}
