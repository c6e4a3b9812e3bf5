import { setImmediate as turn } from 'node:timers/promises';
import type { DependencyState } from '@rookery/observability';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DependencyCheck } from './dependency-check.js';

/** A dependency that answers when the test says so. */
function dependency() {
  const asked: PromiseWithResolversLike[] = [];
  const check = () =>
    new Promise<DependencyState>((resolve, reject) => {
      asked.push({ resolve, reject });
    });
  return { asked, dependency: { name: 'it', critical: true, check } };
}
interface PromiseWithResolversLike {
  resolve(state: DependencyState): void;
  reject(error: unknown): void;
}

describe('the check of a dependency', () => {
  let clock = 0;
  beforeEach(() => {
    clock = 0;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => vi.useRealTimers());
  const pass = (ms: number) => {
    clock += ms;
    vi.advanceTimersByTime(ms);
  };

  it('is made once for all who ask at the same time or within half a second', async () => {
    const { asked, dependency: it } = dependency();
    const check = new DependencyCheck(it, () => clock);
    const flood = Array.from({ length: 1000 }, () => check.result());
    pass(3);
    asked[0]!.resolve({ up: true, detail: 'fine' });
    for (const result of await Promise.all(flood)) expect(result).toEqual({ up: true, detail: 'fine', latency: 3 });
    pass(499);
    await check.result();
    expect(asked).toHaveLength(1);
    pass(1);
    void check.result();
    expect(asked).toHaveLength(2);
  });

  it('says after a second that it has no answer, and does not ask again while it waits', async () => {
    const { asked, dependency: it } = dependency();
    const check = new DependencyCheck(it, () => clock);
    const first = check.result();
    pass(1000);
    expect(await first).toEqual({ up: false, latency: 1000, detail: 'no answer within 1000 ms' });
    pass(2000);
    expect(await check.result()).toMatchObject({ up: false, latency: 3000 });
    expect(asked).toHaveLength(1);
    asked[0]!.resolve({ up: true });
    await turn();
    expect(await check.result()).toMatchObject({ up: true });
    expect(asked).toHaveLength(1);
  });

  it('asks anew when an answer is not to be expected any more', async () => {
    const { asked, dependency: it } = dependency();
    const check = new DependencyCheck(it, () => clock);
    void check.result();
    pass(10_001);
    const second = check.result();
    expect(asked).toHaveLength(2);
    asked[1]!.resolve({ up: true });
    expect(await second).toMatchObject({ up: true });
  });

  it('asks an object that keeps its state in itself', async () => {
    class Mail {
      readonly name = 'mail';
      readonly critical = false;
      private readonly up = true;
      async check(): Promise<DependencyState> {
        return { up: this.up };
      }
    }
    expect(await new DependencyCheck(new Mail(), () => clock).result()).toEqual({ up: true, latency: 0 });
  });

  it.each([
    { thrown: new Error('refused'), detail: 'refused' },
    { thrown: Object.assign(new Error(''), { code: 'ECONNREFUSED' }), detail: 'ECONNREFUSED' },
    { thrown: 'no', detail: 'no' },
  ])('tells why it failed ($detail)', async ({ thrown, detail }) => {
    const { asked, dependency: it } = dependency();
    const result = new DependencyCheck(it, () => clock).result();
    asked[0]!.reject(thrown);
    expect(await result).toEqual({ up: false, latency: 0, detail });
  });
});
