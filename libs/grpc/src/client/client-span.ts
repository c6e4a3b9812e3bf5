import type { Metadata, StatusObject } from '@grpc/grpc-js';
import type { CallContext, Span, SpanEnd } from '@rookery/context';
import { Code } from '@rookery/errors';
import { CONTEXT_METADATA } from '../context-metadata.js';

/**
 * Begins the span of calling `path` (`/user.v1.UserService/GetUser`) when the work of `context` is traced, and has
 * `metadata` say that what the call leads to is a part of it.
 * @param service the name of who is called
 */
export function beginClientSpan(
  path: string,
  service: string,
  metadata: Metadata,
  context: CallContext | undefined,
): Span | undefined {
  if (!context?.span) return undefined;
  const name = path.slice(1);
  const attributes = { 'rpc.system.name': 'grpc', 'rpc.method': name, 'server.address': service };
  const span = context.span.child(name, 'client', attributes);
  metadata.set(CONTEXT_METADATA.traceparent, span.traceparent);
  return span;
}

/** How the span of a call ends that ended with `status`; undefined stands for OK. */
export function spanEndOf(status: Pick<StatusObject, 'code' | 'details'> | undefined): SpanEnd {
  const code: number = status?.code ?? Code.OK;
  const name = Code[code] ?? String(code);
  const attributes = { 'rpc.response.status_code': name };
  return code === (Code.OK as number) ? { attributes } : { attributes, failure: name, error: status?.details };
}
