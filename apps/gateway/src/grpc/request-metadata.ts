import { type IncomingHttpHeaders } from 'node:http';
import { Metadata } from '@grpc/grpc-js';
import { REQUEST_ID_HEADER } from '@rookery/observability';

/** The headers that a service gets to see. */
const PASSED_ON = ['traceparent', 'authorization', 'accept-language'] as const;

/** What gRPC metadata can hold: printable ASCII. */
const SENDABLE = /^[\x20-\x7e]*$/;

/** A call's metadata. A header that gRPC cannot carry is left out, as if the client had not sent it. */
export function requestMetadata(headers: IncomingHttpHeaders, requestId: string): Metadata {
  const metadata = new Metadata();
  metadata.set(REQUEST_ID_HEADER, requestId);
  for (const name of PASSED_ON) {
    const value = headers[name];
    if (typeof value === 'string' && SENDABLE.test(value)) metadata.set(name, value);
  }
  return metadata;
}
