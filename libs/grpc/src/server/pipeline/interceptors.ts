import { AsyncResource } from 'node:async_hooks';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { Observable, type Subscriber, isObservable } from 'rxjs';
import { isAsyncIterable, observed } from '../calls/reply-many.js';
import { isThenable } from '../calls/reply-once.js';
import type { HandlerArguments, Stage } from './compile-handler.js';
import { type Enhancers, executionContext } from './enhancers.js';

/** Runs the interceptors around `next`, the first one outermost. */
export function intercepted(enhancers: Enhancers, next: Stage): Stage {
  const { interceptors } = enhancers;
  if (interceptors.length === 0) return next;
  return (args) => intercept(interceptors, 0, executionContext(enhancers, args), args, next);
}

function intercept(
  interceptors: readonly NestInterceptor[],
  index: number,
  context: ExecutionContext,
  args: HandlerArguments,
  next: Stage,
): unknown {
  if (index === interceptors.length) return next(args);
  const rest: CallHandler = {
    handle: () => deferred(args, () => intercept(interceptors, index + 1, context, args, next)),
  };
  return interceptors[index]!.intercept(context, rest);
}

/**
 * What comes after an interceptor as an Observable. It begins at each subscription, so that an interceptor may retry,
 * and in the async context that the interceptor calls `handle()` in, so that what it has put into an
 * AsyncLocalStorage reaches the handler.
 */
export function deferred(args: HandlerArguments, begin: () => unknown): Observable<unknown> {
  const scope = new AsyncResource('RpcInterceptor');
  return new Observable((subscriber) =>
    scope.runInAsyncScope(() => {
      try {
        emit(args, begin(), subscriber);
      } catch (error) {
        subscriber.error(error);
      }
    }),
  );
}

/** Gives `subscriber` what a handler has given back: its one reply, or each reply of a stream. */
function emit(args: HandlerArguments, result: unknown, subscriber: Subscriber<unknown>): void {
  if (isThenable(result)) {
    result.then(
      (value) => {
        if (!subscriber.closed) emit(args, value, subscriber);
      },
      (error: unknown) => subscriber.error(error),
    );
  } else if (isObservable(result)) {
    subscriber.add(result.subscribe(subscriber));
  } else if (isAsyncIterable(result)) {
    subscriber.add(observed(args[2], result).subscribe(subscriber));
  } else {
    subscriber.next(result);
    subscriber.complete();
  }
}
