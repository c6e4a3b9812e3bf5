import { AsyncLocalStorage } from 'node:async_hooks';
import { Catch, type ExceptionFilter, type NestInterceptor } from '@nestjs/common';
import { Metadata } from '@grpc/grpc-js';
import { callContext } from '@rookery/context';
import { NotFound } from '@rookery/errors';
import { Observable, defer, of, tap, throwError } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KINDS, type Kind, reply } from './conformance-service.js';
import { deferred } from './deferred.js';
import type { Handlers } from './four-kinds.controller.js';
import { type Enhanced, startEnhanced } from './start-enhanced.js';
import type { StartedServer } from './start-server.js';

let started: StartedServer;
afterEach(() => started.close());

/** Where something was looked up, and what was found there. */
let found: Record<string, unknown>;
beforeEach(() => (found = {}));

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Handlers that look at every place code can be at: at once, after an await, between yields, at a message. */
function looking(look: () => unknown): Handlers {
  const note = (place: string) => (found[place] = look());
  const stream = async function* (messages?: AsyncIterable<unknown>) {
    note('handler');
    await turn();
    note('handler after an await');
    yield reply('x', 1);
    note('generator between yields');
    await turn();
    yield reply('x', 2);
    if (messages) for await (const _ of messages) note('handler at a message');
    note('generator at its end');
  };
  return {
    async unary() {
      note('handler');
      await turn();
      note('handler after an await');
      return reply('x');
    },
    serverStream: () => stream(),
    async clientStream(messages) {
      note('handler');
      for await (const _ of messages) note('handler at a message');
      await turn();
      note('handler after an await');
      return reply('x');
    },
    bidi: (messages) => stream(messages),
  };
}

const PLACES: Record<Kind, string[]> = {
  unary: ['handler', 'handler after an await'],
  clientStream: ['handler', 'handler at a message', 'handler after an await'],
  serverStream: ['handler', 'handler after an await', 'generator between yields', 'generator at its end'],
  bidi: [
    'handler',
    'handler after an await',
    'generator between yields',
    'handler at a message',
    'generator at its end',
  ],
};

function calledBy(requestId: string): { metadata: Metadata } {
  const metadata = new Metadata();
  metadata.set('x-request-id', requestId);
  return { metadata };
}
const everywhere = (places: string[], value: unknown) => Object.fromEntries(places.map((place) => [place, value]));
const requestId = () => callContext()?.requestId;

describe.each(KINDS)('%s', (kind) => {
  it('finds the call’s context in every enhancer and all through the handler', async () => {
    const note = (place: string) => (found[place] = requestId());
    const enhancers: Enhanced[] = [
      { at: 'global', guard: { canActivate: async () => (await turn(), note('guard'), true) } },
      { at: 'global', pipe: { transform: async (value: unknown) => (await turn(), note('pipe'), value) } },
      {
        at: 'global',
        interceptor: {
          intercept(_, next) {
            note('interceptor before');
            return next.handle().pipe(tap(() => note('interceptor after')));
          },
        },
      },
    ];
    started = await startEnhanced(looking(requestId), enhancers);
    expect((await started.client.call(kind, { id: 'x' }, calledBy('r-1'))).code).toBe('OK');
    const places = ['guard', 'pipe', 'interceptor before', 'interceptor after', ...PLACES[kind]];
    expect(found).toEqual(everywhere(places, 'r-1'));
  });

  it('finds it without any enhancer', async () => {
    started = await startEnhanced(looking(requestId), []);
    await started.client.call(kind, { id: 'x' }, calledBy('r-2'));
    expect(found).toEqual(everywhere(PLACES[kind], 'r-2'));
  });

  it('finds it in the producer of an Observable', async () => {
    const handler = () => defer(() => ((found.subscribed = requestId()), of(reply('x'))));
    started = await startEnhanced({ [kind]: handler }, []);
    expect((await started.client.call(kind, { id: 'x' }, calledBy('r-3'))).code).toBe('OK');
    expect(found).toEqual({ subscribed: 'r-3' });
  });

  it('finds it in a filter', async () => {
    @Catch()
    class Looking implements ExceptionFilter {
      catch(error: unknown): Observable<never> {
        found.filter = requestId();
        return throwError(() => error);
      }
    }
    const fails = () => throwError(() => new NotFound('gone'));
    started = await startEnhanced({ [kind]: fails }, [{ at: 'controller', filter: new Looking() }]);
    expect((await started.client.call(kind, { id: 'x' }, calledBy('r-4'))).code).toBe('NOT_FOUND');
    expect(found).toEqual({ filter: 'r-4' });
  });

  it('keeps two calls at once apart', async () => {
    const both = deferred();
    let running = 0;
    const seen: Record<string, unknown> = {};
    const meet = async (id: string) => {
      if ((running += 1) === 2) both.resolve();
      await both.promise;
      await turn();
      seen[id] = requestId();
      return reply(id);
    };
    started = await startEnhanced(
      {
        unary: ({ id }) => meet(id),
        async *serverStream({ id }) {
          yield await meet(id);
        },
        async clientStream(messages) {
          for await (const { id } of messages) return meet(id);
          return undefined;
        },
        async *bidi(messages) {
          for await (const { id } of messages) yield await meet(id);
        },
      },
      [],
    );
    await Promise.all(['a', 'b'].map((id) => started.client.call(kind, { id }, calledBy(`r-${id}`))));
    expect(seen).toEqual({ a: 'r-a', b: 'r-b' });
  });

  it('makes a request id for a caller that sends none', async () => {
    started = await startEnhanced(looking(requestId), []);
    await started.client.call(kind);
    expect(found.handler).toMatch(/^[0-9a-f-]{36}$/);
  });

  const storage = new AsyncLocalStorage<string>();
  const stores: Record<string, Enhanced> = {
    'an interceptor that runs the rest in it': {
      at: 'method',
      interceptor: {
        intercept: (_, next) =>
          new Observable((subscriber) => storage.run('mine', () => next.handle().subscribe(subscriber))),
      } satisfies NestInterceptor,
    },
    'an interceptor that asks for the rest in it': {
      at: 'method',
      interceptor: { intercept: (_, next) => storage.run('mine', () => next.handle()) },
    },
    'a guard that enters it': { at: 'method', guard: { canActivate: () => (storage.enterWith('mine'), true) } },
  };

  it.each(Object.entries(stores))('finds an AsyncLocalStorage of the user’s, set by %s', async (_, enhancer) => {
    const pipe = { transform: (value: unknown) => ((found.pipe = storage.getStore()), value) };
    started = await startEnhanced(
      looking(() => storage.getStore()),
      [enhancer, { at: 'method', pipe }],
    );
    expect((await started.client.call(kind)).code).toBe('OK');
    expect(found).toEqual(everywhere(['pipe', ...PLACES[kind]], 'mine'));
    expect(storage.getStore()).toBeUndefined();
  });

  it('does not find in one call what another has put into an AsyncLocalStorage', async () => {
    let calls = 0;
    const first = { canActivate: () => ((calls += 1) === 1 && storage.enterWith('first'), true) };
    started = await startEnhanced(
      looking(() => storage.getStore()),
      [{ at: 'method', guard: first }],
    );
    await started.client.call(kind);
    found = {};
    await started.client.call(kind);
    expect(found).toEqual(everywhere(PLACES[kind], undefined));
  });
});
