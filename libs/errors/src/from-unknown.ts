import { HttpException } from '@nestjs/common';
import { GrpcException, RpcException } from '@nestjs/microservices';
import { CATALOGUE, Internal, PermissionDenied, RookeryError } from './catalogue.js';
import { Code } from './code.js';

/** What a caller reads of an error that is none of its business. */
export const HIDDEN = 'internal error';

/** What Nest throws when a guard returns false (`FORBIDDEN_MESSAGE` of @nestjs/core). */
const DENIED_BY_GUARD = 'Forbidden resource';

const CODE_OF_HTTP: Readonly<Record<number, Code>> = {
  400: Code.INVALID_ARGUMENT,
  401: Code.UNAUTHENTICATED,
  403: Code.PERMISSION_DENIED,
  404: Code.NOT_FOUND,
  405: Code.UNIMPLEMENTED,
  408: Code.DEADLINE_EXCEEDED,
  409: Code.ABORTED,
  412: Code.FAILED_PRECONDITION,
  413: Code.INVALID_ARGUMENT,
  415: Code.INVALID_ARGUMENT,
  422: Code.INVALID_ARGUMENT,
  429: Code.RESOURCE_EXHAUSTED,
  499: Code.CANCELLED,
  501: Code.UNIMPLEMENTED,
  503: Code.UNAVAILABLE,
  504: Code.DEADLINE_EXCEEDED,
};

function build(code: Code, message: string, cause: unknown): RookeryError {
  const type = CATALOGUE.get(code) ?? Internal;
  return new type(code === Code.INTERNAL ? HIDDEN : message, { cause });
}

/** `{ code, message }` as gRPC libraries and `RpcException` carry it. */
function codeIn(value: unknown): { code: Code; message: string } | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { code, message, details } = value as { code?: unknown; message?: unknown; details?: unknown };
  if (typeof code !== 'number' || !CATALOGUE.has(code)) return undefined;
  const text = typeof details === 'string' && details !== '' ? details : message;
  return { code, message: typeof text === 'string' ? text : Code[code]! };
}

/**
 * Any thrown value as an error of the catalogue. One of the catalogue stays itself; Nest's `HttpException`,
 * `RpcException` and `GrpcException` keep their meaning; everything else becomes `Internal` with its message hidden and itself as the cause.
 */
export function toRookeryError(error: unknown): RookeryError {
  if (error instanceof RookeryError) return error;
  if (error instanceof HttpException) {
    return build(CODE_OF_HTTP[error.getStatus()] ?? Code.INTERNAL, error.message, error);
  }
  if (error instanceof GrpcException) {
    const code = error.getCode() as number;
    return CATALOGUE.has(code) ? build(code, error.message, error) : new Internal(HIDDEN, { cause: error });
  }
  if (error instanceof RpcException) {
    if (error.getError() === DENIED_BY_GUARD) return new PermissionDenied('permission denied', { cause: error });
    const found = codeIn(error.getError());
    return found ? build(found.code, found.message, error) : new Internal(HIDDEN, { cause: error });
  }
  return new Internal(HIDDEN, { cause: error });
}
