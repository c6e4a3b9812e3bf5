import { NotFound, toRookeryError } from '@rookery/errors';

/** `error` when it says that something does not exist, in our words or in Nest's; otherwise undefined. */
export function notFoundIn(error: unknown): NotFound | undefined {
  const known = toRookeryError(error);
  return known instanceof NotFound ? known : undefined;
}
