import { setTimeout as sleep } from 'node:timers/promises';
import { callContext, remainingTime } from '@rookery/context';

/** Milliseconds: a conflict is over when the other transaction is, which takes about that long. */
const FIRST = 20;
const LONGEST = 1_000;

/**
 * Waits before work is repeated for the (`attempt` + 1)th time: any time up to a limit that doubles (full jitter), so that
 * those that got into each other's way do not meet again.
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 * @returns false, without waiting, when the call's deadline comes first
 * @throws the reason that the call ends for meanwhile
 */
export async function backOff(attempt: number, random = Math.random): Promise<boolean> {
  const wait = random() * Math.min(LONGEST, FIRST * 2 ** attempt);
  const remaining = remainingTime();
  if (remaining !== undefined && wait >= remaining) return false;
  const signal = callContext()?.signal;
  await sleep(wait, undefined, { signal }).catch((error: unknown) => {
    throw signal?.reason ?? error;
  });
  return true;
}
