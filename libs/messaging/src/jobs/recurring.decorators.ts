import { type Schedule, cron, every } from './schedule.js';

/** What both decorators take. */
export interface JobOptions {
  /** Under which its runs are remembered, logged and counted: `OrderReports.sendDaily` when unset. */
  readonly name?: string;
  /** How long a run may take, `'10m'` or milliseconds: JOBS_TIMEOUT when unset. */
  readonly timeout?: string | number;
}

/** A decorated method. */
export interface JobDeclaration extends JobOptions {
  readonly schedule: Schedule;
}

const declarations = new WeakMap<object, JobDeclaration>();

/** Runs a method of a controller or provider once in each `interval`, in one replica of the service. See `@Cron`. */
export function Every(interval: string | number, options: JobOptions = {}) {
  return declare({ ...options, schedule: every(interval) });
}

/**
 * Runs a method of a controller or provider at the times of a cron expression, in one replica of the service.
 *
 * ```ts
 * @Cron('0 3 * * *', { timeZone: 'Europe/Berlin' })
 * async sendDaily(): Promise<void> { … }
 * ```
 * A run that was due while no replica was there is made up for, once. A run that fails, or whose replica dies, is run
 * again, so it has to bear that it was done already. It is in a call of its own, with a deadline and a signal.
 */
export function Cron(expression: string, { timeZone = 'UTC', ...options }: JobOptions & { timeZone?: string } = {}) {
  return declare({ ...options, schedule: cron(expression, timeZone) });
}

function declare(declaration: JobDeclaration) {
  return (
    _target: object,
    _method: string | symbol,
    descriptor: TypedPropertyDescriptor<() => Promise<void>>,
  ): void => {
    declarations.set(descriptor.value!, declaration);
  };
}

/** How a method was decorated, or undefined when it was not. */
export function jobDeclarationOf(method: object): JobDeclaration | undefined {
  return declarations.get(method);
}
