import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { AnswerWatch } from './answer-watch.js';
import { CacheTimeout } from './cache-timeout.js';

/** Keeps the process from doing anything else. */
function beBusy(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

describe('AnswerWatch', () => {
  it('gives up an answer that does not come', async () => {
    const startedAt = performance.now();
    await expect(new AnswerWatch(40).inTime(new Promise(() => undefined))).rejects.toThrow(CacheTimeout);
    expect(performance.now() - startedAt).toBeGreaterThan(30);
  });

  it('settles as the answer', async () => {
    const watch = new AnswerWatch(40);
    await expect(watch.inTime(Promise.resolve('value'))).resolves.toBe('value');
    await expect(watch.inTime(Promise.reject(new Error('refused')))).rejects.toThrow('refused');
  });

  it('does not take a process that was busy for a cache that is slow', async () => {
    const answer = async () => {
      for (let turns = 0; turns < 3; turns += 1) await turn();
      return 'value';
    };
    const waiting = new AnswerWatch(40).inTime(answer());
    beBusy(120);
    await expect(waiting).resolves.toBe('value');
  });
});
