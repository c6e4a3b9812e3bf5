import { Code, RookeryError } from '@rookery/errors';

/** Whether it failed because the database, or the bus, cannot be reached now: whose connection says so itself. */
export function isOutage(error: unknown): boolean {
  return error instanceof RookeryError && error.code === Code.UNAVAILABLE;
}
