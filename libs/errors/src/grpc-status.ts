import {
  CATALOGUE,
  FailedPrecondition,
  InvalidArgument,
  ResourceExhausted,
  type RookeryError,
  Unknown,
} from './catalogue.js';
import { Code } from './code.js';
import { HIDDEN, toRookeryError } from './from-unknown.js';
import { Any } from './generated/google/protobuf/any.js';
import { BadRequest, ErrorInfo, PreconditionFailure, RetryInfo } from './generated/google/rpc/error_details.js';
import { Status } from './generated/google/rpc/status.js';

/** An error as gRPC carries it: code and message, and the encoded `google.rpc.Status` for `grpc-status-details-bin`. */
export interface GrpcStatus {
  code: Code;
  message: string;
  details: Buffer;
}

interface Codec<T> {
  readonly $type: string;
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

const TYPE_PREFIX = 'type.googleapis.com/';

function pack<T>(codec: Codec<T>, message: T): Any {
  return { typeUrl: TYPE_PREFIX + codec.$type, value: Buffer.from(codec.encode(message).finish()) };
}

function unpack<T>(codec: Codec<T>, details: Any[]): T | undefined {
  const found = details.find(({ typeUrl }) => typeUrl === TYPE_PREFIX + codec.$type);
  try {
    return found && codec.decode(found.value);
  } catch {
    // Another server's garbage says nothing; the code and the message still count.
    return undefined;
  }
}

function detailsOf(error: RookeryError, domain: string): Any[] {
  const info = { reason: error.reason, domain: error.domain ?? domain, metadata: error.metadata };
  const details = [pack(ErrorInfo, info)];
  if (error instanceof InvalidArgument && error.violations.length > 0) {
    const fieldViolations = error.violations.map((violation) => ({
      ...violation,
      reason: '',
      localizedMessage: undefined,
    }));
    details.push(pack(BadRequest, { fieldViolations }));
  }
  if (error instanceof FailedPrecondition && error.violations.length > 0) {
    details.push(pack(PreconditionFailure, { violations: error.violations }));
  }
  if (error instanceof ResourceExhausted && error.retryAfter !== undefined) {
    const seconds = Math.floor(error.retryAfter / 1000);
    const nanos = Math.round((error.retryAfter - seconds * 1000) * 1e6);
    details.push(pack(RetryInfo, { retryDelay: { seconds: BigInt(seconds), nanos } }));
  }
  return details;
}

/** What fits into the headers that every client accepts (8 KB), base64 and the message included. */
const MOST_DETAILS = 4_000;
const LONGEST_MESSAGE = 1_000;

/** Any thrown value as a gRPC status. `domain` (the service's name) is used where the error names none. */
export function toStatus(thrown: unknown, domain: string): GrpcStatus {
  const error = toRookeryError(thrown);
  const { code } = error;
  const text = code === Code.INTERNAL ? HIDDEN : error.message;
  const message = text.length <= LONGEST_MESSAGE ? text : `${text.slice(0, LONGEST_MESSAGE)} …`;
  const encode = (details: Any[]) => Buffer.from(Status.encode({ code, message, details }).finish());
  const details = detailsOf(error, domain);
  const whole = encode(details);
  if (whole.length <= MOST_DETAILS) return { code, message, details: whole };
  // The first detail, ErrorInfo, is what programs decide on; without it too when somebody filled its metadata.
  const short = encode(details.slice(0, 1));
  return { code, message, details: short.length <= MOST_DETAILS ? short : encode([]) };
}

/** The error of the catalogue that a received status stands for. Bytes that are no `google.rpc.Status` are ignored. */
export function fromStatus(received: {
  code: number;
  message: string;
  details?: Uint8Array;
  cause?: unknown;
}): RookeryError {
  const details = decodeDetails(received.details);
  const info = unpack(ErrorInfo, details);
  const options = {
    reason: info?.reason || undefined,
    domain: info?.domain || undefined,
    metadata: info?.metadata,
    cause: received.cause,
  };
  switch (received.code) {
    case Code.INVALID_ARGUMENT: {
      const violations = unpack(BadRequest, details)?.fieldViolations;
      return new InvalidArgument(received.message, {
        ...options,
        violations: violations?.map(({ field, description }) => ({ field, description })),
      });
    }
    case Code.FAILED_PRECONDITION:
      return new FailedPrecondition(received.message, {
        ...options,
        violations: unpack(PreconditionFailure, details)?.violations,
      });
    case Code.RESOURCE_EXHAUSTED: {
      const delay = unpack(RetryInfo, details)?.retryDelay;
      const retryAfter = delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6;
      return new ResourceExhausted(received.message, { ...options, retryAfter });
    }
    default:
      return new (CATALOGUE.get(received.code) ?? Unknown)(received.message, options);
  }
}

function decodeDetails(bytes: Uint8Array | undefined): Any[] {
  if (!bytes) return [];
  try {
    return Status.decode(bytes).details;
  } catch {
    return [];
  }
}
