import { type IncomingHttpHeaders } from 'node:http';
import { Metadata } from '@grpc/grpc-js';
import type { CallContext } from '@rookery/context';
import { CONTEXT_METADATA } from '@rookery/grpc';

/** The headers that a service gets to see. */
const PASSED_ON = ['authorization', 'accept-language'] as const;
/** What of the request's context it gets. */
const CARRIED = ['requestId', 'traceparent', 'tracestate'] as const;

/** What gRPC metadata can hold: printable ASCII. */
const SENDABLE = /^[\x20-\x7e]*$/;

/** A call's metadata. A header that gRPC cannot carry is left out, as if the client had not sent it. */
export function requestMetadata(headers: IncomingHttpHeaders, context: CallContext): Metadata {
  const metadata = new Metadata();
  for (const property of CARRIED) set(metadata, CONTEXT_METADATA[property], context[property]);
  for (const name of PASSED_ON) set(metadata, name, headers[name]);
  return metadata;
}

function set(metadata: Metadata, key: string, value: string | undefined): void {
  if (typeof value === 'string' && SENDABLE.test(value)) metadata.set(key, value);
}
