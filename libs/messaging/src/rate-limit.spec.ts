import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Rate, RateLimit, rateToInterval } from './rate-limit.js';

it.each([
  ['100/s', 10],
  ['30/m', 2_000],
  ['0.5/h', 7_200_000],
] as const)('reads %s', (rate, interval) => expect(rateToInterval(rate)).toBe(interval));

it.each(['100', '0/s', '5/d', '-1/s', 'many/s'])('refuses "%s"', (rate) =>
  expect(() => rateToInterval(rate as Rate)).toThrow(`"${rate}" is no rate`),
);

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

it('lets nobody begin before the interval is over, and makes up for no time that nobody used', async () => {
  let now = 1_000;
  const limit = new RateLimit(100, () => now);
  const { signal } = new AbortController();
  await limit.turn(signal);
  const early = new AbortController();
  const second = limit.turn(early.signal);
  early.abort(new Error('stopped'));
  await expect(second).rejects.toThrow('aborted');
  now = 60_000;
  await limit.turn(signal);
  const next = new AbortController();
  const third = limit.turn(next.signal);
  next.abort();
  await expect(third).rejects.toThrow('aborted');
});
