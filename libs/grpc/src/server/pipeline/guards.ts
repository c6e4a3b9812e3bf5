import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { FORBIDDEN_MESSAGE } from '@nestjs/core/internal';
import { RpcException } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import { isThenable } from '../calls/reply-once.js';
import type { Stage } from './compile-handler.js';
import { type Enhancers, executionContext } from './enhancers.js';

/** Lets a call through when all guards do, asked one after the other. */
export function guarded(enhancers: Enhancers, next: Stage): Stage {
  const { guards } = enhancers;
  if (guards.length === 0) return next;
  return (args) => {
    const context = executionContext(enhancers, args);
    for (let index = 0; index < guards.length; index += 1) {
      const verdict = guards[index]!.canActivate(context);
      if (verdict === true) continue;
      if (isThenable(verdict) || isObservable(verdict)) {
        return ask(guards, index, verdict, context).then(() => next(args));
      }
      if (!verdict) throw denied();
    }
    return next(args);
  };
}

/** Goes on asking from guard `index`, whose verdict is yet to come. */
async function ask(
  guards: readonly CanActivate[],
  index: number,
  first: unknown,
  context: ExecutionContext,
): Promise<void> {
  let verdict = first;
  for (let at = index; ;) {
    verdict = await verdict;
    if (isObservable(verdict)) verdict = await lastValueFrom(verdict);
    if (!verdict) throw denied();
    at += 1;
    if (at === guards.length) return;
    verdict = guards[at]!.canActivate(context);
  }
}

/** What Nest throws, for filters that know it; callers get PERMISSION_DENIED. */
function denied(): RpcException {
  return new RpcException(FORBIDDEN_MESSAGE);
}
