import { selectExceptionFilterMetadata } from '@nestjs/common/internal';
import { ExecutionContextHost } from '@nestjs/core/internal';
import { RpcException } from '@nestjs/microservices';
import { catchError, isObservable, throwError } from 'rxjs';
import type { HandlerArguments } from './compile-handler.js';
import type { Enhancers } from './enhancers.js';

/** What becomes of an error: another reply, value or promise or Observable; or it is thrown, this one or another. */
export type Recover = (error: unknown, args: HandlerArguments) => unknown;

/** Hands what fails to the first filter that is for it; undefined when there is none at all. */
export function recoveryOf({ filters }: Pick<Enhancers, 'filters'>): Recover | undefined {
  if (filters.length === 0) return undefined;
  const all = [...filters];
  return (error, args) => {
    const host = new ExecutionContextHost(args);
    host.setType('rpc');
    const result: unknown = selectExceptionFilterMetadata(all, error)?.func(error, host);
    // As in Nest, a filter that gives nothing back has not answered.
    if (!result) throw error;
    return isObservable(result)
      ? result.pipe(catchError((thrown: unknown) => throwError(() => status(thrown))))
      : result;
  };
}

/** A filter may throw the bare `{ code, message }` that an RpcException holds: `super.catch()` of Nest's own does. */
function status(thrown: unknown): unknown {
  return thrown instanceof Error || typeof thrown !== 'object' || thrown === null ? thrown : new RpcException(thrown);
}
