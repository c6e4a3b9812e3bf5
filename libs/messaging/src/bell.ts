/**
 * Lets one loop sleep until its time is up or somebody rings. Ringing while nobody sleeps is remembered for the next
 * sleep, so that no wake-up is lost between looking for work and going to sleep.
 */
export class Bell {
  private rung = false;
  private wake: (() => void) | undefined;

  ring(): void {
    this.rung = true;
    this.wake?.();
  }

  /** Resolves after `ms` milliseconds, or when the bell rings. */
  async sleep(ms: number): Promise<void> {
    if (!this.rung && ms > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.wake = undefined;
    }
    this.rung = false;
  }
}
