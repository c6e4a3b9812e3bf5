import { Internal, ResourceExhausted } from '@rookery/errors';
import { Observable, concatMap, isObservable, of, takeWhile } from 'rxjs';
import { isThenable } from './reply-once.js';
import type { ServerCall } from './server-call.js';

export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/**
 * Answers `call` with all that its handler gave back: an AsyncIterable, which is asked for the next reply when the
 * reader has room for it and told (`finally` runs) when the call ends; or an Observable, which cannot be paused.
 */
export function replyMany(call: ServerCall, result: unknown): void {
  if (isThenable(result)) {
    result.then(
      (value) => replyMany(call, value),
      (error: unknown) => call.recover(error),
    );
  } else if (isAsyncIterable(result)) {
    void pull(call, result);
  } else if (isObservable(result)) {
    observe(call, result);
  } else {
    const cause = new TypeError('a streaming handler must return an AsyncIterable or an Observable');
    call.fail(new Internal('internal error', { cause }));
  }
}

async function pull(call: ServerCall, source: AsyncIterable<unknown>): Promise<void> {
  let iterator: AsyncIterator<unknown> | undefined;
  // Whether it is in the middle of its work and has to be told that nobody wants more.
  let open = true;
  call.onEnd(() => {
    if (open) leave(iterator);
  });
  try {
    iterator = source[Symbol.asyncIterator]();
    for (;;) {
      let next: IteratorResult<unknown>;
      try {
        next = await iterator.next();
      } catch (error) {
        open = false;
        throw error;
      }
      if (next.done) {
        open = false;
        return call.succeed();
      }
      if (!call.send(next.value)) await call.window.room();
      if (call.ended) return;
    }
  } catch (error) {
    if (open) leave(iterator);
    open = false;
    call.recover(error);
  }
}

/**
 * `source` as an Observable for interceptors, which see each message. It stays a source that can be paused: the next
 * message is asked for when what became of the one before has room on the wire.
 */
export function observed(call: ServerCall, source: AsyncIterable<unknown>): Observable<unknown> {
  return new Observable((subscriber) => {
    const iterator = source[Symbol.asyncIterator]();
    const run = async () => {
      try {
        for (;;) {
          const next = await iterator.next();
          if (subscriber.closed) return;
          if (next.done) return subscriber.complete();
          subscriber.next(next.value);
          if (!call.window.hasRoom) await call.window.room();
          if (subscriber.closed) return;
        }
      } catch (error) {
        subscriber.error(error);
      }
    };
    void run();
    return () => leave(iterator);
  });
}

function observe(call: ServerCall, source: Observable<unknown>): void {
  const { maxBufferedBytes } = call.method;
  const replies = source.pipe(
    takeWhile(() => !call.ended),
    concatMap((value) => (isAsyncIterable(value) ? observed(call, value) : of(value))),
  );
  const subscription = replies.subscribe({
    next: (reply) => {
      try {
        call.send(reply);
      } catch (error) {
        return call.recover(error);
      }
      if (call.window.bytes > maxBufferedBytes) {
        const text = `the client reads more slowly than the replies come: ${call.window.bytes} bytes wait for it`;
        call.stop(new ResourceExhausted(text, { reason: 'SLOW_READER' }));
      }
    },
    error: (error: unknown) => call.recover(error),
    complete: () => call.succeed(),
  });
  call.onEnd(() => subscription.unsubscribe());
}

/** Tells a source that nobody wants more. Not awaited: one that is stuck in an await of its own must not hold us. */
function leave(iterator: AsyncIterator<unknown> | undefined): void {
  try {
    iterator?.return?.()?.then?.(undefined, () => undefined);
  } catch {
    // A source that fails while it is left has nobody to tell.
  }
}
