import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CircuitBreaker } from './circuit-breaker.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp(failures?: number) {
  const states: string[] = [];
  const probes: { succeed: () => void; fail: (reason: unknown) => void }[] = [];
  const breaker = new CircuitBreaker({
    failures,
    firstPause: 50,
    longestPause: 150,
    probe: () => new Promise<void>((succeed, fail) => probes.push({ succeed, fail })),
    onChange: (state, reason) => states.push(`${state} ${String(reason)}`),
  });
  return { breaker, states, probes };
}

it('opens after failures in a row, not after failures', () => {
  const { breaker } = setUp(2);
  breaker.failed('one');
  breaker.succeeded();
  breaker.failed('two');
  expect(breaker.state).toBe('closed');
  breaker.failed('three');
  expect([breaker.state, breaker.reason]).toEqual(['open', 'three']);
});

it('probes once at a time, ever more rarely, and closes when a probe succeeds', async () => {
  const { breaker, states, probes } = setUp();
  breaker.failed('slow');
  breaker.failed('slow too');
  for (const pause of [50, 100, 150, 150]) {
    const asked = probes.length;
    await vi.advanceTimersByTimeAsync(pause - 1);
    expect(probes).toHaveLength(asked);
    await vi.advanceTimersByTimeAsync(1);
    expect(probes).toHaveLength(asked + 1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([breaker.state, probes.length]).toEqual(['half-open', asked + 1]);
    if (asked < 3) probes[asked]!.fail('still');
    else probes[asked]!.succeed();
    await vi.advanceTimersByTimeAsync(0);
  }
  expect([breaker.state, breaker.reason]).toEqual(['closed', undefined]);
  expect(states.slice(0, 3)).toEqual(['open slow', 'half-open slow', 'open still']);

  breaker.failed('again');
  await vi.advanceTimersByTimeAsync(50);
  expect(probes).toHaveLength(5);
});

it('probes no more when it is disposed of', async () => {
  const { breaker, probes } = setUp();
  breaker.failed('slow');
  breaker.dispose();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(probes).toEqual([]);
});
