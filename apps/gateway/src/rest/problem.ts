import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import { type Problem, toProblem } from '@rookery/errors';
import { HttpError } from './http-error.js';

/** The media type of every refusal (RFC 9457). */
export const PROBLEM_JSON = 'application/problem+json; charset=utf-8';

/** What a client gets instead of an answer. */
export interface Refusal {
  readonly problem: Problem & { requestId: string };
  readonly headers: Readonly<Record<string, string>>;
}

/** Fastify's own errors: a broken URL, a body that is too large, … */
interface FastifyRefusal extends Error {
  readonly code: string;
  readonly statusCode: number;
}

function isFastifyRefusal(thrown: unknown): thrown is FastifyRefusal {
  if (!(thrown instanceof Error)) return false;
  const { code, statusCode } = thrown as Partial<FastifyRefusal>;
  return typeof code === 'string' && code.startsWith('FST_') && typeof statusCode === 'number' && statusCode < 500;
}

/** Fastify's errors that have a name of their own here; `detail` says it better than Fastify does. */
const FASTIFY: Readonly<Record<string, { reason: string; detail?: string }>> = {
  FST_ERR_BAD_URL: { reason: 'MALFORMED_PATH', detail: 'The path has a broken percent-encoding.' },
  FST_ERR_CTP_BODY_TOO_LARGE: {
    reason: 'BODY_TOO_LARGE',
    detail: 'The body is larger than GATEWAY_BODY_LIMIT allows.',
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: { reason: 'WRONG_CONTENT_LENGTH' },
};

/** Any thrown value as what the client reads of it. */
export function refusalOf(thrown: unknown, instance: string, requestId: string): Refusal {
  if (thrown instanceof HttpError) {
    const problem = byStatus(thrown.status, thrown.message, instance, thrown.reason);
    return { problem: { ...problem, requestId }, headers: thrown.headers };
  }
  if (isFastifyRefusal(thrown)) {
    const known = FASTIFY[thrown.code];
    const problem = byStatus(thrown.statusCode, known?.detail ?? `${thrown.message}.`, instance, known?.reason);
    return { problem: { ...problem, requestId }, headers: {} };
  }
  if (thrown instanceof HttpException && thrown.getStatus() < 500) {
    return { problem: { ...byStatus(thrown.getStatus(), thrown.message, instance), requestId }, headers: {} };
  }
  const problem = toProblem(thrown, instance);
  const { retryAfter } = problem;
  // The header is in whole seconds; one more is better than one too few.
  const headers: Record<string, string> =
    retryAfter === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfter / 1000)) };
  return { problem: { ...problem, requestId }, headers };
}

/** An HTTP status that no gRPC code stands for; `code` is the nearest one. */
function byStatus(status: number, detail: string, instance: string, reason?: string): Problem {
  const nearest = toProblem(new HttpException(detail, status), instance);
  const title = nearest.status === status ? nearest.title : (STATUS_CODES[status] ?? nearest.title);
  return { ...nearest, status, title, detail, reason: reason ?? nearest.reason };
}
