import { describe, expect, it } from 'vitest';
import { cron, every } from './schedule.js';

const at = (text: string) => new Date(text);

describe('every', () => {
  it('stays in step, however late a run was', () => {
    const schedule = every('15m');
    expect(schedule.next(at('2026-01-01T00:00:03Z'), at('2026-01-01T00:00:00Z'))).toEqual(at('2026-01-01T00:15:00Z'));
    expect(schedule.next(at('2026-01-01T07:20:00Z'), at('2026-01-01T00:00:00Z'))).toEqual(at('2026-01-01T07:30:00Z'));
  });

  it('is after now, also when a run ended exactly in time', () => {
    expect(every('1m').next(at('2026-01-01T00:01:00Z'), at('2026-01-01T00:00:00Z'))).toEqual(
      at('2026-01-01T00:02:00Z'),
    );
  });

  it.each(['soon', '10ms', -1])('refuses %s', (interval) => {
    expect(() => every(interval)).toThrow(`a job cannot run every "${interval}"`);
  });
});

describe('cron', () => {
  it('means the wall clock of its time zone, across the change to summer time', () => {
    const schedule = cron('0 3 * * *', 'Europe/Berlin');
    const before = at('2026-03-28T12:00:00Z');
    expect(schedule.next(before, before)).toEqual(at('2026-03-29T01:00:00Z'));
    expect(schedule.next(at('2026-03-29T12:00:00Z'), before)).toEqual(at('2026-03-30T01:00:00Z'));
  });

  it('refuses what cannot be read and what never comes', () => {
    expect(() => cron('61 * * * *', 'UTC')).toThrow();
    expect(() => cron('0 0 30 2 *', 'UTC')).toThrow('never comes');
    expect(() => cron('0 3 * * *', 'Mars/Olympus')).toThrow();
  });
});
