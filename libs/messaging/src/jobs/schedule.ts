import { durationToMs } from '@rookery/config';
import { Cron as CronExpression } from 'croner';

/** Milliseconds. Due jobs are looked for once a second. */
const SHORTEST = 1_000;

/** When a recurring job runs. */
export interface Schedule {
  /** Two schedules of the same text are the same schedule. */
  readonly text: string;
  /** The first time after `now`, of a job that was due at `due`; undefined when there is none any more. */
  next(now: Date, due: Date): Date | undefined;
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

/** By a cron expression in a time zone. @throws for one that cannot be read, and for what comes once or never */
export function cron(expression: string, timeZone: string): Schedule {
  const pattern = new CronExpression(expression, { timezone: timeZone });
  const text = `cron ${expression} (${timeZone})`;
  // From long ago: what ends in some year must not keep a service from starting after it.
  const [first, second] = pattern.nextRuns(2, new Date(0));
  if (!first) throw new Error(`${text} never comes`);
  if (!second) {
    throw new Error(
      `${text} comes only once; add an event with \`at\` to the outbox for that, jobs are for what recurs`,
    );
  }
  return { text, next: (now) => pattern.nextRun(now) ?? undefined };
}
