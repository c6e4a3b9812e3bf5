import {
  Aborted,
  AlreadyExists,
  DeadlineExceeded,
  FailedPrecondition,
  InvalidArgument,
  ResourceExhausted,
  RookeryError,
  Unavailable,
} from '@rookery/errors';
import { QueryFailedError, QueryRunnerAlreadyReleasedError, QueryRunnerProviderAlreadyReleasedError } from 'typeorm';
import { readScope } from './read-only.js';

/** A constraint or index whose name is UPPER_SNAKE_CASE names the reason that callers get: `USER_EMAIL_TAKEN`. */
const REASON = /^[A-Z][A-Z0-9_]*$/;

/** Network failures as Node reports them. */
const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** What pg says, without a code, when a connection is not to be had or breaks. */
const BROKEN =
  /timeout exceeded when trying to connect|timeout expired|Query read timeout|Connection terminated|Client has encountered a connection error|not queryable|Client was closed/i;

interface PostgresError extends Error {
  code?: string;
  constraint?: string;
}

/**
 * A failure of PostgreSQL as an error of the catalogue, or undefined when it is none that callers can act on.
 * SQLSTATE codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function mapDatabaseError(thrown: unknown): RookeryError | undefined {
  const error = (thrown instanceof QueryFailedError ? thrown.driverError : thrown) as PostgresError | RookeryError;
  // Why the call ended that the statement belonged to.
  if (error instanceof RookeryError) return error;
  if (!(error instanceof Error)) return undefined;
  if (isReleased(thrown)) return new Unavailable('the database connection broke', { cause: thrown });
  const { code = '', constraint = '' } = error;
  const options = { cause: thrown, reason: REASON.test(constraint) ? constraint : undefined };
  switch (code) {
    case '23505':
    // An exclusion constraint: no two bookings of a room at the same time.
    case '23P01':
      return new AlreadyExists('it exists already', options);
    case '23503':
    // What PostgreSQL 18 says of ON DELETE RESTRICT.
    case '23001':
      return new FailedPrecondition('something it refers to does not exist, or it is still referred to', options);
    case '23502':
    case '23514':
      return new InvalidArgument('a value is not allowed', options);
    case '40001':
    case '40P01':
    // NOWAIT, or lock_timeout.
    case '55P03':
      return new Aborted('a concurrent change got in the way; try again', options);
    case '25P03':
      return new DeadlineExceeded('the transaction waited too long for its next statement', options);
    case '57014':
      return new DeadlineExceeded('the database took too long', options);
    case '53300':
      return new ResourceExhausted('the database has no connection left', { ...options, retryAfter: 1000 });
    default:
      // 22: data exceptions, such as a NUL character in a text.
      if (code.startsWith('22')) return new InvalidArgument('a value is not allowed', options);
      // 08: connection exceptions; 57P: the server shuts down or starts; 53: out of resources.
      if (/^(08|57P|53)/.test(code) || NETWORK.has(code) || BROKEN.test(error.message) || isReadOnlyServer(error)) {
        return new Unavailable('the database is not available', options);
      }
      return undefined;
  }
}

/** The codes of a transaction that the server undid because of another one: the same again may succeed. */
const CONFLICT = new Set(['40001', '40P01']);

/** The codes of a session that was ended: by an administrator, a crash, a lost network. */
const ENDED = new Set(['57P01', '57P02', '08000', '08003', '08006', 'ECONNRESET', 'EPIPE']);

/** How pg says so without a code. One that never came up, or was waited for in vain, is not among them. */
const BROKE = /^Connection terminated( unexpectedly)?$|not queryable$/;

/**
 * Why the same work may succeed when it is repeated: `conflict` (the server has undone it) or `broken` (the connection
 * is gone, and what was not committed with it); undefined for everything else, also for what business code threw.
 */
export function whyRepeat(thrown: unknown): 'conflict' | 'broken' | undefined {
  const mapped = thrown instanceof RookeryError ? thrown.cause : thrown;
  if (isReleased(mapped)) return 'broken';
  const error = (mapped instanceof QueryFailedError ? mapped.driverError : mapped) as PostgresError | undefined;
  if (!(error instanceof Error)) return undefined;
  if (CONFLICT.has(error.code ?? '')) return 'conflict';
  return ENDED.has(error.code ?? '') || BROKE.test(error.message) ? 'broken' : undefined;
}

/** Whether a statement was given up because the server did not answer at all (pg's `query_timeout`). */
export function isReadTimeout(thrown: unknown): boolean {
  const error = thrown instanceof QueryFailedError ? (thrown.driverError as unknown) : thrown;
  return error instanceof Error && error.message.includes('Query read timeout');
}

/**
 * Whether the server refused to write: a standby, or a primary that became one. The address leads to the new primary
 * sooner or later, this connection never does. (In what is marked as read-only, the mistake is who writes.)
 */
export function isReadOnlyServer(thrown: unknown): boolean {
  const error = (thrown instanceof QueryFailedError ? thrown.driverError : thrown) as PostgresError | undefined;
  return error instanceof Error && error.code === '25006' && !readScope();
}

/** TypeORM lets go of a connection that broke: whatever its transaction asks for next meets one of these. */
export function isReleased(thrown: unknown): boolean {
  return thrown instanceof QueryRunnerAlreadyReleasedError || thrown instanceof QueryRunnerProviderAlreadyReleasedError;
}

/** Runs `work` and rethrows what it throws as the catalogue's error where there is one. */
export async function mappingErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw mapDatabaseError(error) ?? error;
  }
}
