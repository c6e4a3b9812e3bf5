import { setTimeout as delay } from 'node:timers/promises';

/** How long to wait for a condition, how often to look (both ms), and what to say when it never came. */
export interface Patience {
  within: number;
  every?: number;
  otherwise: () => string | Promise<string>;
}

/**
 * Waits for something outside this process (a file, a process, a port) that offers nothing to subscribe to: asks
 * `condition` until it gives a value other than `undefined` or `false`.
 *
 * @throws Error with the text of `otherwise` when the time is over.
 */
export async function until<T>(
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  { within, every = 10, otherwise }: Patience,
): Promise<T> {
  const deadline = Date.now() + within;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() >= deadline) throw new Error(await otherwise());
    await delay(every);
  }
}
