import { Code } from './code.js';

/** One field that is wrong: its path in the request (proto names, `items[2].unit_price`) and why. */
export interface FieldViolation {
  field: string;
  description: string;
}

/** One precondition that does not hold: its type (`STATE`), what it is about (`orders/42`) and why. */
export interface PreconditionViolation {
  type: string;
  subject: string;
  description: string;
}

/** What every error of the catalogue may carry besides its message. All of it but `cause` reaches the caller. */
export interface ErrorOptions {
  /** UPPER_SNAKE_CASE, unique within the domain: what a program decides on. Default: the code's name. */
  reason?: string;
  /** Who gives the reason its meaning. Default: the service that sends the error. */
  domain?: string;
  /** Further facts, such as the id that was not found. */
  metadata?: Record<string, string>;
  /** What led to it; logged, never sent. */
  cause?: unknown;
}

/** An error that means the same in business code, in a gRPC status and in an HTTP answer. Throw a subclass. */
export abstract class RookeryError extends Error {
  abstract readonly code: Code;
  readonly metadata: Record<string, string>;
  readonly domain: string | undefined;
  private readonly ownReason: string | undefined;

  constructor(message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.ownReason = options.reason;
    this.domain = options.domain;
    this.metadata = options.metadata ?? {};
  }

  get reason(): string {
    return this.ownReason ?? Code[this.code];
  }
}

/** The request is wrong whatever the state of the system: 3, HTTP 400. */
export class InvalidArgument extends RookeryError {
  readonly code = Code.INVALID_ARGUMENT;
  readonly violations: FieldViolation[];

  constructor(message: string, options: ErrorOptions & { violations?: FieldViolation[] } = {}) {
    super(message, options);
    this.violations = options.violations ?? [];
  }
}

/** The system is not in the state the request needs; the caller should not just retry: 9, HTTP 400. */
export class FailedPrecondition extends RookeryError {
  readonly code = Code.FAILED_PRECONDITION;
  readonly violations: PreconditionViolation[];

  constructor(message: string, options: ErrorOptions & { violations?: PreconditionViolation[] } = {}) {
    super(message, options);
    this.violations = options.violations ?? [];
  }
}

/** A quota or a limit is used up: 8, HTTP 429. `retryAfter` in milliseconds. */
export class ResourceExhausted extends RookeryError {
  readonly code = Code.RESOURCE_EXHAUSTED;
  readonly retryAfter: number | undefined;

  constructor(message: string, options: ErrorOptions & { retryAfter?: number } = {}) {
    super(message, options);
    this.retryAfter = options.retryAfter;
  }
}

/** What was asked for does not exist: 5, HTTP 404. */
export class NotFound extends RookeryError {
  readonly code = Code.NOT_FOUND;
}
/** What should be created is there already: 6, HTTP 409. */
export class AlreadyExists extends RookeryError {
  readonly code = Code.ALREADY_EXISTS;
}
/** A conflict with a concurrent change; the caller may retry the whole: 10, HTTP 409. */
export class Aborted extends RookeryError {
  readonly code = Code.ABORTED;
}
/** Who calls is not known: 16, HTTP 401. */
export class Unauthenticated extends RookeryError {
  readonly code = Code.UNAUTHENTICATED;
}
/** Who calls is known and may not: 7, HTTP 403. */
export class PermissionDenied extends RookeryError {
  readonly code = Code.PERMISSION_DENIED;
}
/** A dependency cannot be reached right now; the caller may retry: 14, HTTP 503. */
export class Unavailable extends RookeryError {
  readonly code = Code.UNAVAILABLE;
}
/** The time the caller gave was not enough: 4, HTTP 504. */
export class DeadlineExceeded extends RookeryError {
  readonly code = Code.DEADLINE_EXCEEDED;
}
/** The caller went away: 1, HTTP 499. */
export class Cancelled extends RookeryError {
  readonly code = Code.CANCELLED;
}
/** A value beyond the valid range, valid perhaps later: 11, HTTP 400. */
export class OutOfRange extends RookeryError {
  readonly code = Code.OUT_OF_RANGE;
}
/** Nobody serves this method: 12, HTTP 501. */
export class Unimplemented extends RookeryError {
  readonly code = Code.UNIMPLEMENTED;
}
/** A defect; the message is hidden from callers: 13, HTTP 500. */
export class Internal extends RookeryError {
  readonly code = Code.INTERNAL;
}
/** Data is lost or corrupt: 15, HTTP 500. */
export class DataLoss extends RookeryError {
  readonly code = Code.DATA_LOSS;
}
/** Another system's error that says too little: 2, HTTP 500. */
export class Unknown extends RookeryError {
  readonly code = Code.UNKNOWN;
}

/** The class of each code. */
export const CATALOGUE: ReadonlyMap<Code, new (message: string, options?: ErrorOptions) => RookeryError> = new Map(
  Object.entries({
    [Code.CANCELLED]: Cancelled,
    [Code.UNKNOWN]: Unknown,
    [Code.INVALID_ARGUMENT]: InvalidArgument,
    [Code.DEADLINE_EXCEEDED]: DeadlineExceeded,
    [Code.NOT_FOUND]: NotFound,
    [Code.ALREADY_EXISTS]: AlreadyExists,
    [Code.PERMISSION_DENIED]: PermissionDenied,
    [Code.RESOURCE_EXHAUSTED]: ResourceExhausted,
    [Code.FAILED_PRECONDITION]: FailedPrecondition,
    [Code.ABORTED]: Aborted,
    [Code.OUT_OF_RANGE]: OutOfRange,
    [Code.UNIMPLEMENTED]: Unimplemented,
    [Code.INTERNAL]: Internal,
    [Code.UNAVAILABLE]: Unavailable,
    [Code.DATA_LOSS]: DataLoss,
    [Code.UNAUTHENTICATED]: Unauthenticated,
  }).map(([code, type]) => [Number(code), type]),
);
