import { Internal } from '@rookery/errors';
import { type Observable, isObservable } from 'rxjs';

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/**
 * The one reply of what a handler gave back: the value itself, or the first value of an Observable. The Observable may
 * go on to its completion, as interceptors expect; `signal` unsubscribes it.
 */
export function singleReply(result: unknown, signal: AbortSignal): Promise<unknown> | unknown {
  if (!isObservable(result)) return result;
  return new Promise((resolve, reject) => {
    const subscription = result.subscribe({
      next: resolve,
      error: reject,
      complete: () => reject(new Internal('internal error', { cause: new TypeError('the handler emitted no reply') })),
    });
    signal.addEventListener('abort', () => subscription.unsubscribe(), { once: true });
  });
}

/** The replies of what a handler gave back: an AsyncIterable, an Observable, or an Observable of AsyncIterables. */
export async function* manyReplies(result: unknown, signal: AbortSignal): AsyncGenerator<unknown> {
  if (isAsyncIterable(result)) yield* result;
  else if (isObservable(result)) {
    // An interceptor wraps the handler's iterable in an Observable of one value.
    for await (const value of observed(result, signal)) {
      if (isAsyncIterable(value)) yield* value;
      else yield value;
    }
  } else {
    const cause = new TypeError('a streaming handler must return an AsyncIterable or an Observable');
    throw new Internal('internal error', { cause });
  }
}

async function* observed(source: Observable<unknown>, signal: AbortSignal): AsyncGenerator<unknown> {
  const buffer: unknown[] = [];
  let failure: { error: unknown } | undefined;
  let complete = false;
  let wake = () => {};
  const subscription = source.subscribe({
    next: (value) => {
      buffer.push(value);
      wake();
    },
    error: (error: unknown) => {
      failure = { error };
      wake();
    },
    complete: () => {
      complete = true;
      wake();
    },
  });
  const onAbort = () => wake();
  signal.addEventListener('abort', onAbort);
  try {
    while (!signal.aborted) {
      if (buffer.length > 0) yield buffer.shift();
      else if (failure) throw failure.error;
      else if (complete) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    subscription.unsubscribe();
  }
}
