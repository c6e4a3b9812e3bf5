import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CircuitBreaker } from './circuit-breaker.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Milliseconds. */
const STEADY = 1_000;

function setUp(failures?: number) {
  const states: string[] = [];
  const openings: unknown[] = [];
  const probes: { succeed: () => void; fail: (reason: unknown) => void }[] = [];
  const breaker = new CircuitBreaker({
    failures,
    firstPause: 50,
    longestPause: 150,
    steadyAfter: STEADY,
    longestRest: 900,
    probe: () => new Promise<void>((succeed, fail) => probes.push({ succeed, fail })),
    onChange: (state, reason, before) => {
      states.push(`${state} ${String(reason)}`);
      if (before === 'closed') openings.push(reason);
    },
  });
  return { breaker, states, probes, openings };
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
  const { breaker, states, probes, openings } = setUp();
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

  await vi.advanceTimersByTimeAsync(STEADY);
  breaker.failed('again');
  expect(openings).toEqual(['slow', 'again']);
  await vi.advanceTimersByTimeAsync(50);
  expect(probes).toHaveLength(5);
});

describe('of what answers probes and fails at once again', () => {
  /** Opens it, and lets the first probe succeed that comes. @returns how long it was open */
  async function flap({ breaker, probes }: ReturnType<typeof setUp>): Promise<number> {
    const asked = probes.length;
    breaker.failed('slow');
    let pause = 0;
    for (; probes.length === asked; pause += 1) await vi.advanceTimersByTimeAsync(1);
    probes[asked]!.succeed();
    await vi.advanceTimersByTimeAsync(0);
    expect(breaker.state).toBe('closed');
    return pause;
  }

  it('keeps away for longer each time', async () => {
    const setting = setUp();
    const pauses: number[] = [];
    for (let opening = 0; opening < 7; opening += 1) {
      pauses.push(await flap(setting));
      await vi.advanceTimersByTimeAsync(STEADY - 1);
    }
    expect(pauses).toEqual([50, 100, 200, 400, 800, 900, 900]);
  });

  it('forgets that when it has stayed closed', async () => {
    const setting = setUp();
    for (const pause of [50, 100, 200]) expect(await flap(setting)).toBe(pause);
    await vi.advanceTimersByTimeAsync(STEADY);
    expect(await flap(setting)).toBe(50);
  });

  it('probes no sooner because a probe has failed', async () => {
    const setting = setUp();
    for (const pause of [50, 100, 200]) expect(await flap(setting)).toBe(pause);
    const { breaker, probes } = setting;
    breaker.failed('away');
    for (const asked of [4, 5]) {
      await vi.advanceTimersByTimeAsync(399);
      expect(probes).toHaveLength(asked - 1);
      await vi.advanceTimersByTimeAsync(1);
      expect(probes).toHaveLength(asked);
      probes[asked - 1]!.fail('still');
      await vi.advanceTimersByTimeAsync(0);
    }
  });
});

it('probes no more when it is disposed of', async () => {
  const { breaker, probes } = setUp();
  breaker.failed('slow');
  breaker.dispose();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(probes).toEqual([]);
});

it.each(['succeed', 'fail'] as const)(
  'hears no more of a probe that will %s after it is disposed of',
  async (outcome) => {
    const { breaker, probes, states } = setUp();
    breaker.failed('slow');
    await vi.advanceTimersByTimeAsync(50);
    breaker.dispose();
    probes[0]![outcome]('late');
    await vi.advanceTimersByTimeAsync(60_000);
    expect([probes.length, states]).toEqual([1, ['open slow', 'half-open slow']]);
  },
);
