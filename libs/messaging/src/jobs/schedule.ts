import { durationToMs } from '@rookery/config';
import { Cron as CronExpression } from 'croner';

/** Milliseconds. Due jobs are looked for once a second. */
const SHORTEST = 1_000;

/** When a recurring job runs. */
export interface Schedule {
  /** Two schedules of the same text are the same schedule. */
  readonly text: string;
  /** The first time after `now`, of a job that was due at `due`. */
  next(now: Date, due: Date): Date;
}

/** Once in each `interval` (`'15m'`, or milliseconds), in step with the first run. @throws for less than a second */
export function every(interval: string | number): Schedule {
  const step = durationToMs(interval);
  if (!(step >= SHORTEST))
    throw new Error(`a job cannot run every "${interval}"; take a duration from 1s on, as '15m'`);
  return {
    text: `every ${step} ms`,
    next: (now, due) => {
      const missed = Math.max(0, Math.floor((now.getTime() - due.getTime()) / step));
      return new Date(due.getTime() + (missed + 1) * step);
    },
  };
}

/** By a cron expression in a time zone. @throws for one that cannot be read, or that never comes */
export function cron(expression: string, timeZone: string): Schedule {
  const pattern = new CronExpression(expression, { timezone: timeZone });
  const text = `cron ${expression} (${timeZone})`;
  const next = (now: Date): Date => {
    const time = pattern.nextRun(now);
    if (!time) throw new Error(`${text} never comes after ${now.toISOString()}`);
    return time;
  };
  next(new Date());
  return { text, next };
}
