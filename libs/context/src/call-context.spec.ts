import { expect, it } from 'vitest';
import { type CallContext, callContext, remainingTime, runWithContext } from './call-context.js';

const context = (over: Partial<CallContext> = {}): CallContext => ({
  requestId: 'r-1',
  signal: new AbortController().signal,
  ...over,
});

it('has no context outside of a call', () => {
  expect(callContext()).toBeUndefined();
  expect(remainingTime()).toBeUndefined();
});

it('follows a call through awaits and keeps calls apart', async () => {
  const seen = (requestId: string) =>
    runWithContext(context({ requestId }), async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return callContext()?.requestId;
    });
  expect(await Promise.all([seen('a'), seen('b')])).toEqual(['a', 'b']);
});

it('tells what is left of the deadline and never less than nothing', () => {
  runWithContext(context({ deadline: 1500 }), () => {
    expect(remainingTime(() => 1000)).toBe(500);
    expect(remainingTime(() => 2000)).toBe(0);
  });
});
