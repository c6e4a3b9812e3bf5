import {
  Code,
  Internal,
  RookeryError,
  Unknown,
  fromStatus,
  toProblem,
  toRookeryError,
  toStatus,
} from '@rookery/errors';
import { RpcException } from '@nestjs/microservices';
import { type MsgHdrs, headers as newHeaders } from '@nats-io/transport-node';
import { decodeHeader, encodeHeader } from '../header-value.js';
import type { Reply } from './message-bus.js';
import { HEADERS, type ReadHeaders } from './message-headers.js';

/** What a handler threw as an error of the catalogue. */
export function failureOf(thrown: unknown): RookeryError {
  const error = toRookeryError(thrown);
  // An RpcException is made for the caller, even one with a text alone.
  if (error instanceof Internal && thrown instanceof RpcException)
    return new Unknown(thrown.message, { cause: thrown });
  return error;
}

/** The answer that says that the handling failed; its body is for clients that are not Rookery's. */
export function failureReply(error: RookeryError, service: string, subject: string): Reply {
  const { code, message, details } = toStatus(error, service);
  const headers: MsgHdrs = newHeaders();
  headers.set(HEADERS.contentType, 'application/problem+json');
  headers.set(HEADERS.status, String(code));
  headers.set(HEADERS.message, encodeHeader(message));
  headers.set(HEADERS.details, details.toString('base64'));
  return { headers, data: Buffer.from(JSON.stringify(toProblem(error, subject))) };
}

/** The error that an answer stands for, if it is one. */
export function failureFrom(headers: ReadHeaders): RookeryError | undefined {
  const code = Number(headers[HEADERS.status] ?? Code.OK);
  if (code === (Code.OK as number)) return undefined;
  return fromStatus({
    code,
    message: decodeHeader(headers[HEADERS.message] ?? ''),
    details: Buffer.from(headers[HEADERS.details] ?? '', 'base64'),
  });
}
