import type { Observable } from 'rxjs';
import type { Stage } from './compile-handler.js';
import { type Enhancers, executionContext } from './enhancers.js';
import { deferred } from './interceptors.js';

/** Runs Nest's global pre-request hooks around everything else. */
export function hooked(enhancers: Enhancers, next: Stage): Stage {
  const { hooks } = enhancers;
  if (hooks.length === 0) return next;
  return (args) => {
    const context = executionContext(enhancers, args);
    const run = (index: number): Observable<unknown> =>
      index === hooks.length ? deferred(args, () => next(args)) : hooks[index]!(context, () => run(index + 1));
    return run(0);
  };
}
