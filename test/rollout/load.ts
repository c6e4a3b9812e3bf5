import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds between an answer and the next request of a caller. */
const PAUSE = 50;

/** What callers of one kind got. */
export interface Tally {
  answered: number;
  readonly failures: string[];
}

/** Callers that go on until they are stopped, and never repeat anything. */
export class Load {
  readonly tallies = new Map<string, Tally>();
  private readonly stopping = new AbortController();
  private readonly callers: Promise<void>[] = [];

  /** @param call one request; it throws when the answer is not what it has to be */
  add(kind: string, count: number, call: () => Promise<void>): void {
    const tally: Tally = { answered: 0, failures: [] };
    this.tallies.set(kind, tally);
    for (let index = 0; index < count; index += 1) this.callers.push(this.run(tally, call));
  }

  /** Resolves when every caller has its answer. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.callers);
  }

  private async run(tally: Tally, call: () => Promise<void>): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        await call();
        tally.answered += 1;
      } catch (error) {
        tally.failures.push(describe(error));
      }
      await sleep(PAUSE);
    }
  }
}

function describe(error: unknown): string {
  const { message, cause } = error as Error;
  return cause === undefined ? message : `${message}: ${describe(cause)}`;
}
