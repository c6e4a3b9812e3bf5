import { type Metadata } from '@grpc/grpc-js';
import {
  Cancelled,
  Code,
  DeadlineExceeded,
  Internal,
  type RookeryError,
  Unavailable,
  fromStatus,
} from '@rookery/errors';

/** The metadata in which a service sends google.rpc.Status. */
const DETAILS = 'grpc-status-details-bin';

/**
 * How grpc-js says that a call's deadline passed before the call got onto a connection. (The channel's state says nothing
 * of it: while the server drains, calls run on a connection that takes no more of them.)
 */
const WAITING = /\bwaiting for (name resolution|metadata filters|LB pick)\b/i;

/**
 * How grpc-js says that a connection broke while a call was on it, when neither ECONNRESET nor ETIMEDOUT says so: EPIPE,
 * for one. It calls that INTERNAL.
 */
const BROKEN = /^Received RST_STREAM with code \d+ triggered by internal client error\b/;

/** A status as grpc-js gives it. */
export interface ReceivedStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata?: Metadata;
}

/**
 * The error of the catalogue that a failed call stands for. A status with details is a service's own word and goes on as
 * it is. One without may be grpc-js's, whose text names addresses, or an unhandled error of a foreign service:
 * where the code is not about the request, the text is replaced by one that is safe to show.
 * @param timeout the call's, in milliseconds; undefined when it had none
 */
export function fromReceived(
  status: ReceivedStatus,
  service: string,
  { timeout }: { timeout?: number } = {},
): RookeryError {
  const details = status.metadata?.get(DETAILS)[0];
  const bytes = Buffer.isBuffer(details) ? details : undefined;
  const options = { cause: status };
  if (!bytes) {
    const late = status.code === Code.DEADLINE_EXCEEDED;
    const broken = status.code === Code.INTERNAL && BROKEN.test(status.details);
    if (status.code === Code.UNAVAILABLE || broken || (late && WAITING.test(status.details))) {
      const reason = 'SERVICE_UNREACHABLE';
      return new Unavailable(`${service} cannot be reached right now; try again.`, { ...options, reason });
    }
    if (late) {
      const within = timeout === undefined ? 'in time' : `within ${Math.round(timeout)} ms`;
      return new DeadlineExceeded(`${service} did not answer ${within}.`, options);
    }
    if (status.code === Code.CANCELLED) return new Cancelled(`The call of ${service} was cancelled.`, options);
    if ([Code.INTERNAL, Code.UNKNOWN, Code.DATA_LOSS].includes(status.code))
      return new Internal('internal error', options);
  }
  return fromStatus({ code: status.code, message: status.details, details: bytes, cause: status });
}
