export {
  Aborted,
  AlreadyExists,
  Cancelled,
  DataLoss,
  DeadlineExceeded,
  type ErrorOptions,
  FailedPrecondition,
  type FieldViolation,
  Internal,
  InvalidArgument,
  NotFound,
  OutOfRange,
  PermissionDenied,
  type PreconditionViolation,
  ResourceExhausted,
  RookeryError,
  Unauthenticated,
  Unavailable,
  Unimplemented,
  Unknown,
} from './catalogue.js';
export { toRookeryError } from './from-unknown.js';
export { type GrpcStatus, fromStatus, toStatus } from './grpc-status.js';
export { type Problem, toProblem } from './problem.js';
export { Code } from './code.js';
