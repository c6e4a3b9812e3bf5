import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Bell } from './bell.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('sleeps until the time is up', async () => {
  const woke = vi.fn();
  void new Bell().sleep(1_000).then(woke);
  await vi.advanceTimersByTimeAsync(999);
  expect(woke).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(woke).toHaveBeenCalledOnce();
});

it('wakes when somebody rings', async () => {
  const bell = new Bell();
  const slept = bell.sleep(1_000);
  bell.ring();
  await slept;
  expect(vi.getTimerCount()).toBe(0);
});

it('remembers a ring that nobody heard, once', async () => {
  const bell = new Bell();
  bell.ring();
  bell.ring();
  await bell.sleep(1_000);
  const woke = vi.fn();
  void bell.sleep(1_000).then(woke);
  await vi.advanceTimersByTimeAsync(999);
  expect(woke).not.toHaveBeenCalled();
});
