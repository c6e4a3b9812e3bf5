import { FailedPrecondition, InvalidArgument, ResourceExhausted } from './catalogue.js';
import { Code } from './code.js';
import { HIDDEN, toRookeryError } from './from-unknown.js';

const HTTP_OF_CODE: Readonly<Record<Code, number>> = {
  [Code.OK]: 200,
  [Code.CANCELLED]: 499,
  [Code.UNKNOWN]: 500,
  [Code.INVALID_ARGUMENT]: 400,
  [Code.DEADLINE_EXCEEDED]: 504,
  [Code.NOT_FOUND]: 404,
  [Code.ALREADY_EXISTS]: 409,
  [Code.PERMISSION_DENIED]: 403,
  [Code.RESOURCE_EXHAUSTED]: 429,
  [Code.FAILED_PRECONDITION]: 400,
  [Code.ABORTED]: 409,
  [Code.OUT_OF_RANGE]: 400,
  [Code.UNIMPLEMENTED]: 501,
  [Code.INTERNAL]: 500,
  [Code.UNAVAILABLE]: 503,
  [Code.DATA_LOSS]: 500,
  [Code.UNAUTHENTICATED]: 401,
};

/** An error as HTTP carries it (RFC 9457, `application/problem+json`). */
export interface Problem {
  type: string;
  title: string;
  /** The HTTP status. */
  status: number;
  detail: string;
  /** The request that failed. */
  instance?: string;
  /** The gRPC code's name, such as NOT_FOUND. */
  code: string;
  reason: string;
  domain?: string;
  metadata?: Record<string, string>;
  /** The fields that are wrong (JSON names), or the preconditions that do not hold. */
  violations?: { field?: string; type?: string; subject?: string; description: string }[];
  /** Milliseconds after which a retry makes sense. */
  retryAfter?: number;
}

/** `items[2].unit_price` as JSON knows it: `items[2].unitPrice`. */
function jsonPath(path: string): string {
  return path.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** NOT_FOUND as people read it: "Not found". */
function titleOf(code: Code): string {
  const words = Code[code]!.toLowerCase().replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Any thrown value as a problem. `instance` is the request's path. */
export function toProblem(thrown: unknown, instance?: string): Problem {
  const error = toRookeryError(thrown);
  const problem: Problem = {
    type: 'about:blank',
    title: titleOf(error.code),
    status: HTTP_OF_CODE[error.code],
    detail: error.code === Code.INTERNAL ? HIDDEN : error.message,
    instance,
    code: Code[error.code],
    reason: error.reason,
    domain: error.domain,
  };
  if (Object.keys(error.metadata).length > 0) problem.metadata = error.metadata;
  if (error instanceof InvalidArgument && error.violations.length > 0) {
    problem.violations = error.violations.map(({ field, description }) => ({ field: jsonPath(field), description }));
  }
  if (error instanceof FailedPrecondition && error.violations.length > 0) problem.violations = error.violations;
  if (error instanceof ResourceExhausted && error.retryAfter !== undefined) problem.retryAfter = error.retryAfter;
  return problem;
}
