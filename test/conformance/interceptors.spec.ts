import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { NotFound, Unavailable } from '@rookery/errors';
import { EncodedReply } from '@rookery/contracts';
import {
  NEVER,
  type Observable,
  TimeoutError,
  catchError,
  concat,
  concatMap,
  finalize,
  map,
  of,
  retry,
  tap,
  throwError,
  timeout,
  toArray,
} from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { KINDS, type Reply, encodedReply, reply } from './conformance-service.js';
import { deferred } from './deferred.js';
import type { Handlers } from './four-kinds.controller.js';
import { KINDS_AND_STYLES, failing } from './handler-styles.js';
import { LEVELS, echoing, startEnhanced } from './start-enhanced.js';
import type { StartedServer } from './start-server.js';

let started: StartedServer;
afterEach(() => started.close());

type Intercept = (
  next: CallHandler<Reply>,
  context: ExecutionContext,
) => Observable<unknown> | Promise<Observable<unknown>>;
const interceptor = (intercept: Intercept): NestInterceptor => ({
  intercept: (context, next) => intercept(next as CallHandler<Reply>, context),
});

/** Around a call: before the handler, at each reply, and at the end. */
const around = (name: string, log: string[]) =>
  interceptor((next) => {
    log.push(`${name} before`);
    return next.handle().pipe(
      tap(() => log.push(`${name} reply`)),
      finalize(() => log.push(`${name} end`)),
    );
  });

const answersMany = (kind: string) => kind === 'serverStream' || kind === 'bidi';

describe.each(KINDS)('%s', (kind) => {
  it('runs global, controller and method before the handler, and the other way round at each reply', async () => {
    const log: string[] = [];
    started = await startEnhanced(echoing(log), [
      { at: 'method', interceptor: around('method', log) },
      { at: 'controller', interceptor: around('controller', log) },
      { at: 'global', interceptor: around('global', log) },
    ]);
    expect((await started.client.call(kind)).code).toBe('OK');
    const one = ['method reply', 'controller reply', 'global reply'];
    expect(log.slice(0, 4)).toEqual(['global before', 'controller before', 'method before', 'handler']);
    expect(log.filter((line) => line.endsWith('reply'))).toEqual(answersMany(kind) ? [...one, ...one] : one);
    expect(log.filter((line) => line.endsWith('end')).toSorted()).toEqual([
      'controller end',
      'global end',
      'method end',
    ]);
  });

  it.each(LEVELS)('is changed by an interceptor of level %s', async (at) => {
    const mapping = interceptor((next) => next.handle().pipe(map((sent) => ({ ...sent, id: `${sent.id}!` }))));
    started = await startEnhanced(echoing(), [{ at, interceptor: mapping }]);
    const { code, replies } = await started.client.call(kind, { id: 'x' });
    expect(code).toBe('OK');
    expect(replies.map(({ id, number }) => `${id}${number}`)).toEqual(answersMany(kind) ? ['x!1', 'x!2'] : ['x!1']);
  });

  it('may be answered without the handler', async () => {
    const log: string[] = [];
    const cached = interceptor(() => of(reply('cached')));
    started = await startEnhanced(echoing(log), [{ at: 'method', interceptor: cached }]);
    expect(await started.client.call(kind)).toMatchObject({ code: 'OK', replies: [reply('cached')] });
    expect(log).toEqual([]);
  });

  it('may be answered with an EncodedReply', async () => {
    const cached = interceptor(() => of(new EncodedReply(encodedReply(reply('bytes', 9)))));
    started = await startEnhanced(echoing(), [{ at: 'method', interceptor: cached }]);
    expect(await started.client.call(kind)).toMatchObject({ code: 'OK', replies: [reply('bytes', 9)] });
  });

  it('passes an interceptor that is asynchronous itself', async () => {
    const later = interceptor(async (next) => {
      await new Promise((resolve) => setImmediate(resolve));
      return next.handle();
    });
    started = await startEnhanced(echoing(), [{ at: 'global', interceptor: later }]);
    expect((await started.client.call(kind, { id: 'x' })).replies[0]).toMatchObject({ id: 'x', number: 1 });
  });

  it('may have its error replaced, by another one or by a reply', async () => {
    const gone = failing(new NotFound('gone'));
    const rethrows = interceptor((next) =>
      next.handle().pipe(catchError((error: NotFound) => throwError(() => new Unavailable(`not ${error.message}`)))),
    );
    started = await startEnhanced(gone, [{ at: 'method', interceptor: rethrows }]);
    expect(await started.client.call(kind)).toMatchObject({ code: 'UNAVAILABLE', message: 'not gone' });
    await started.close();
    const recovers = interceptor((next) => next.handle().pipe(catchError(() => of(reply('instead')))));
    started = await startEnhanced(gone, [{ at: 'method', interceptor: recovers }]);
    expect(await started.client.call(kind)).toMatchObject({ code: 'OK', replies: [reply('instead')] });
  });

  it('is refused when an interceptor throws', async () => {
    const log: string[] = [];
    const throws = interceptor(() => {
      throw new Unavailable('not now');
    });
    started = await startEnhanced(echoing(log), [{ at: 'method', interceptor: throws }]);
    expect(await started.client.call(kind)).toMatchObject({ code: 'UNAVAILABLE', message: 'not now' });
    expect(log).toEqual([]);
  });

  it('sees the pipes run within the interceptors', async () => {
    const log: string[] = [];
    started = await startEnhanced(echoing(log), [
      { at: 'method', pipe: { transform: (value: unknown) => (log.push('pipe'), value) } },
      { at: 'method', interceptor: around('interceptor', log) },
      { at: 'method', guard: { canActivate: () => (log.push('guard'), true) } },
    ]);
    await started.client.call(kind);
    expect(log.slice(0, 4)).toEqual(['guard', 'interceptor before', 'pipe', 'handler']);
  });

  it('is cut off by an interceptor that times out', async () => {
    const stuck = async function* () {
      yield* [];
      await new Promise<never>(() => {});
    };
    const hanging: Handlers = { unary: () => NEVER, clientStream: () => NEVER, serverStream: stuck, bidi: stuck };
    const impatient = interceptor((next) =>
      next.handle().pipe(
        timeout(50),
        catchError((error) => throwError(() => (error instanceof TimeoutError ? new Unavailable('slow') : error))),
      ),
    );
    started = await startEnhanced(hanging, [{ at: 'method', interceptor: impatient }]);
    expect(await started.client.call(kind)).toMatchObject({ code: 'UNAVAILABLE', message: 'slow' });
  });

  it('tells an interceptor when the client leaves', async () => {
    const begun = deferred();
    const ended = deferred();
    const never = interceptor(() =>
      NEVER.pipe(
        tap({ subscribe: () => begun.resolve() }),
        finalize(() => ended.resolve()),
      ),
    );
    started = await startEnhanced(echoing(), [{ at: 'method', interceptor: never }]);
    const call = started.client.start(kind).send({ id: 'x' }).end();
    await begun.promise;
    call.cancel();
    await ended.promise;
    expect((await call.answer()).code).toBe('CANCELLED');
  });
});

it.each(['unary', 'serverStream'] as const)(
  '%s runs anew for each subscription: an interceptor may retry',
  async (kind) => {
    let runs = 0;
    const flaky = () => {
      runs += 1;
      if (runs < 3) throw new Unavailable('again');
    };
    const handlers: Handlers = {
      unary: async () => (flaky(), reply('x', runs)),
      async *serverStream() {
        flaky();
        yield reply('x', runs);
      },
    };
    const retrying = interceptor((next) => next.handle().pipe(retry(5)));
    started = await startEnhanced(handlers, [{ at: 'method', interceptor: retrying }]);
    expect(await started.client.call(kind)).toMatchObject({ code: 'OK', replies: [reply('x', 3)] });
    await started.close();
    runs = 2;
    const twice = interceptor((next) =>
      concat(next.handle(), next.handle()).pipe(
        toArray(),
        concatMap(([, second]) => of(second)),
      ),
    );
    started = await startEnhanced(handlers, [{ at: 'method', interceptor: twice }]);
    expect(await started.client.call(kind)).toMatchObject({ code: 'OK', replies: [reply('x', 4)] });
  },
);

it.each(KINDS_AND_STYLES)(
  '$kind, written as $style, passes an interceptor reply by reply',
  async ({ kind, style, write }) => {
    let passed = 0;
    const counting = interceptor((next) => next.handle().pipe(tap(() => (passed += 1))));
    const replies = answersMany(kind) ? [reply('x', 1), reply('x', 2), reply('x', 3)] : [reply('x', 1)];
    started = await startEnhanced({ [kind]: () => write({ replies }) }, [{ at: 'method', interceptor: counting }]);
    expect(await started.client.call(kind), style).toMatchObject({ code: 'OK', replies });
    expect(passed).toBe(replies.length);
  },
);

it.each(['serverStream', 'bidi'] as const)('%s is paused by a slow reader behind an interceptor, too', async (kind) => {
  let made = 0;
  const left = deferred();
  const endless = async function* () {
    try {
      for (let number = 1; number <= 1_000_000; number += 1)
        yield ((made += 1), reply('x', number, Buffer.alloc(1_000)));
    } finally {
      left.resolve();
    }
  };
  const passing = interceptor((next) => next.handle().pipe(map((sent) => sent)));
  started = await startEnhanced({ [kind]: endless, unary: () => reply('x') }, [{ at: 'method', interceptor: passing }]);
  const call = started.client.start(kind).send({ id: 'x' }).end();
  for (let number = 1; number <= 5; number += 1) expect((await call.next()).number).toBe(number);
  for (let turn = 0; turn < 50; turn += 1) expect((await started.client.call('unary')).code).toBe('OK');
  expect(made).toBeLessThan(305);
  call.cancel();
  await left.promise;
});
