import { Metadata } from '@grpc/grpc-js';
import { type Code, toStatus } from '@rookery/errors';

/** The metadata in which `google.rpc.Status` travels. */
const DETAILS = 'grpc-status-details-bin';

/** How a call ends that has failed. */
export interface FailedStatus {
  code: Code;
  message: string;
  /** With the encoded `google.rpc.Status`. */
  trailers: Metadata;
}

/** What the client is told of `thrown`. `domain` is the service's name. */
export function failed(thrown: unknown, domain: string, trailers = new Metadata()): FailedStatus {
  const { code, message, details } = toStatus(thrown, domain);
  trailers.set(DETAILS, details);
  return { code, message, trailers };
}
