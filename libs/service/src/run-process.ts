/** What a process runs. */
export interface Runnable {
  close(): Promise<void>;
  /** Cuts off whatever keeps `close` waiting. */
  forceClose(): void;
}

/** One Ctrl-C reaches a process several times: from the terminal, from npm, from `nest start`. */
const SAME_SIGNAL = 1_000;

/** A start that is told to stop may come to its end first, which is the clean way, but not for longer; milliseconds. */
const START_GRACE = 2_000;

/** How long a forced stop may take, in milliseconds. */
const FORCE_LIMIT = 2_000;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Standard error says what there is instead, and the process ends with 64 (EX_USAGE of sysexits.h). */
export function refuseArguments(args: readonly string[], instead: string): never {
  process.stderr.write(`unknown argument "${args.join(' ')}"; ${instead}\n`);
  process.exit(64);
}

/**
 * Runs `start` and then the process until a signal ends it: exit 0 when it stopped cleanly. A second signal cuts off
 * what still runs. An error with an `exitCode` (a configuration that is wrong: 78) ends the process with it, any other with 1.
 * It takes no arguments, and refuses those that it is given.
 * @param onStopping told once when the first signal comes
 */
export async function runProcess<T extends Runnable>(start: () => Promise<T>, onStopping?: () => void): Promise<T> {
  const args = process.argv.slice(2);
  if (args.length > 0) refuseArguments(args, 'there is none');
  let running: T | undefined;
  let stoppingSince: number | undefined;
  let givingUp: NodeJS.Timeout | undefined;

  const stop = async () => {
    onStopping?.();
    try {
      await running?.close();
      process.exit(0);
    } catch (error) {
      console.error(error);
      process.exit(1);
    }
  };
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (stoppingSince === undefined) {
        stoppingSince = Date.now();
        // Before the start is over nothing is served, so nothing is lost when it does not end in time.
        if (running) void stop();
        else givingUp = setTimeout(() => process.exit(0), START_GRACE).unref();
      } else if (Date.now() - stoppingSince > SAME_SIGNAL) {
        running?.forceClose();
        setTimeout(() => process.exit(130), FORCE_LIMIT).unref();
        if (!running) process.exit(130);
      }
    });
  }

  try {
    running = await start();
  } catch (error) {
    fail(error);
  }
  // The stop takes the time that it takes.
  clearTimeout(givingUp);
  if (stoppingSince !== undefined) await stop();
  return running;
}

/** Runs something that ends by itself. A failure ends the process as it does in `runProcess`. */
export async function runCommand(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    fail(error);
  }
}

function fail(error: unknown): never {
  process.stderr.write(`${explain(error)}\n`);
  const { exitCode = 1 } = error as { exitCode?: number };
  process.exit(exitCode);
}

/** What people need to read: the message of an error that was made for them, the stack of any other. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const expected = error.name !== 'Error' || error.cause !== undefined;
  return expected && !(error instanceof TypeError) ? error.message : (error.stack ?? error.message);
}
