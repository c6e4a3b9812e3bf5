import ms, { type StringValue } from 'ms';

/** `'5m'`, `'250ms'`, `'0'` or a number of milliseconds, in milliseconds. NaN when it is no duration of at least 0. */
export function durationToMs(duration: string | number): number {
  const value = typeof duration === 'number' ? duration : ms(duration as StringValue);
  return typeof value === 'number' && value >= 0 ? value : Number.NaN;
}
