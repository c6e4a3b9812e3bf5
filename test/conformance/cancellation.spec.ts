import { callContext } from '@rookery/context';
import { Cancelled, Code, DeadlineExceeded, NotFound } from '@rookery/errors';
import { Observable } from 'rxjs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { KINDS, type Kind, LOADED_SERVICE, type Reply, reply } from './conformance-service.js';
import { type Deferred, deferred } from './deferred.js';
import { type Handlers, fourKinds } from './four-kinds.controller.js';
import { http2Call } from './http2-call.js';
import { type StartedServer, startServer } from './start-server.js';

const handlers: Handlers = {};
let started: StartedServer;
beforeAll(async () => (started = await startServer({ controllers: [fourKinds(handlers)] })));
afterAll(() => started.close());

/** What the handler of a test tells of itself. */
interface Seen {
  /** It runs. */
  begun: Deferred;
  /** Its `finally`, teardown or `return` has run. */
  left: Deferred;
  /** The reason of the call's signal. */
  aborted: Deferred<unknown>;
}
let seen: Seen;
beforeEach(() => (seen = { begun: deferred(), left: deferred(), aborted: deferred() }));

/** Notes that the handler runs, and when its call's signal aborts. */
function begin(): AbortSignal {
  const { signal } = callContext()!;
  const { aborted } = seen;
  signal.addEventListener('abort', () => aborted.resolve(signal.reason));
  seen.begun.resolve();
  return signal;
}
const abortOf = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));

/** Each would go on for ever. */
const waits = async () => {
  const signal = begin();
  try {
    await abortOf(signal);
  } finally {
    seen.left.resolve();
  }
  return reply('too late');
};
const observes = () =>
  new Observable<Reply>(() => {
    begin();
    return () => seen.left.resolve();
  });
const reads = async (messages: AsyncIterable<unknown>) => {
  begin();
  try {
    for await (const _ of messages);
  } finally {
    seen.left.resolve();
  }
  return reply('too late');
};
async function* awaitsInside() {
  const signal = begin();
  try {
    yield reply('first');
    await abortOf(signal);
  } finally {
    seen.left.resolve();
  }
}
async function* yields() {
  begin();
  try {
    for (;;) yield reply('again', 0, Buffer.alloc(1_000));
  } finally {
    seen.left.resolve();
  }
}
async function* readsAndYields(messages: AsyncIterable<unknown>) {
  begin();
  try {
    for await (const _ of messages) yield reply('again');
  } finally {
    seen.left.resolve();
  }
}
const iterates = () => ({
  [Symbol.asyncIterator]() {
    begin();
    return {
      next: () => new Promise<IteratorResult<Reply>>(() => {}),
      return: async () => (seen.left.resolve(), { done: true as const, value: undefined }),
    };
  },
});

const ENDLESS: { kind: Kind; name: string; handler: (input: never) => unknown }[] = [
  { kind: 'unary', name: 'a promise', handler: waits },
  { kind: 'unary', name: 'an Observable', handler: observes },
  { kind: 'serverStream', name: 'a generator that awaits', handler: awaitsInside },
  { kind: 'serverStream', name: 'a generator that yields to nobody', handler: yields },
  { kind: 'serverStream', name: 'an AsyncIterable object', handler: iterates },
  { kind: 'serverStream', name: 'a promise of an AsyncIterable', handler: async () => iterates() },
  { kind: 'serverStream', name: 'an Observable', handler: observes },
  { kind: 'clientStream', name: 'a promise', handler: waits },
  { kind: 'clientStream', name: 'a loop over the messages', handler: reads },
  { kind: 'clientStream', name: 'an Observable', handler: observes },
  { kind: 'bidi', name: 'a generator that awaits', handler: awaitsInside },
  { kind: 'bidi', name: 'a generator that yields to nobody', handler: yields },
  { kind: 'bidi', name: 'a generator that reads', handler: readsAndYields },
  { kind: 'bidi', name: 'an AsyncIterable object', handler: iterates },
  { kind: 'bidi', name: 'an Observable', handler: observes },
];

const streamsRequests = (kind: Kind) => kind === 'clientStream' || kind === 'bidi';

describe.each(ENDLESS)('$kind, $name,', ({ kind, handler }) => {
  /** Streams of requests stay open, as those of a client that has more to say. */
  const start = (timeout?: number) => {
    handlers[kind] = handler as never;
    const call = started.client.start(kind, { timeout }).send({ id: 'x' });
    return streamsRequests(kind) ? call : call.end();
  };

  it('is left when the client cancels', async () => {
    const call = start();
    await seen.begun.promise;
    call.cancel();
    expect((await call.answer()).code).toBe('CANCELLED');
    expect(await seen.aborted.promise).toBeInstanceOf(Cancelled);
    await seen.left.promise;
  });

  it('is left when the deadline passes, which the client is told in time', async () => {
    const startedAt = performance.now();
    const call = start(200);
    await seen.begun.promise;
    expect((await call.answer()).code).toBe('DEADLINE_EXCEEDED');
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    // Which of the two sees the clock first is a race; that the work stops is not.
    expect((await seen.aborted.promise) as Error).toBeInstanceOf(Error);
    await seen.left.promise;
  });

  it('is left when the server finds the deadline passed, and answers so', async () => {
    handlers[kind] = handler as never;
    const name = kind.charAt(0).toUpperCase() + kind.slice(1);
    const message = LOADED_SERVICE.Unary!.requestSerialize({ id: 'x' });
    const sent = { timeout: '200m', messages: [message], end: !streamsRequests(kind) };
    expect(await http2Call(started.address, name, sent)).toEqual({ status: 200, code: Code.DEADLINE_EXCEEDED });
    expect(await seen.aborted.promise).toBeInstanceOf(DeadlineExceeded);
    await seen.left.promise;
  });
});

describe.each(KINDS)('%s', (kind) => {
  const run = (handler: () => unknown) => {
    handlers[kind] =
      kind === 'unary' || kind === 'clientStream'
        ? handler
        : async function* () {
            yield handler();
          };
  };

  it('knows the deadline of its caller, and that there is none', async () => {
    let deadline: number | undefined;
    run(() => ((deadline = callContext()!.deadline), reply('x')));
    const before = Date.now();
    await started.client.call(kind, { id: 'x' }, { timeout: 60_000 });
    expect(deadline).toBeGreaterThan(before + 55_000);
    expect(deadline).toBeLessThanOrEqual(Date.now() + 60_000);
    if (kind === 'unary') return; // A caller of a unary RPC that sends none gets the server's default.
    await started.client.call(kind);
    expect(deadline).toBeUndefined();
  });

  it('answers DEADLINE_EXCEEDED when the deadline has passed before, and leaves nothing running', async () => {
    let running = 0;
    run(async () => {
      const { signal } = callContext()!;
      running += 1;
      if (!signal.aborted) await abortOf(signal);
      running -= 1;
    });
    const name = kind.charAt(0).toUpperCase() + kind.slice(1);
    const sent = { timeout: '1n', messages: [LOADED_SERVICE.Unary!.requestSerialize({ id: 'x' })], end: true };
    expect((await http2Call(started.address, name, sent)).code).toBe(Code.DEADLINE_EXCEEDED);
    expect((await started.client.call(kind, { id: 'x' }, { timeout: -1 })).code).toBe('DEADLINE_EXCEEDED');
    run(() => reply('x'));
    expect((await started.client.call(kind)).code).toBe('OK');
    expect(running).toBe(0);
  });

  it('goes on when a call has ended: its signal does not abort afterwards for what the client does', async () => {
    let signal: AbortSignal | undefined;
    run(() => ((signal = callContext()!.signal), reply('x')));
    const call = started.client.start(kind).send({ id: 'x' }).end();
    expect((await call.answer()).code).toBe('OK');
    call.cancel();
    expect((await started.client.call(kind)).code).toBe('OK');
    expect(signal!.aborted).toBe(false);
  });

  it('drops what a handler does after the caller has left', async () => {
    const { promise: goOn, resolve } = deferred();
    const begun = deferred();
    run(async () => {
      begun.resolve();
      await goOn;
      throw new NotFound('nobody hears it');
    });
    const call = started.client.start(kind).send({ id: 'x' }).end();
    await begun.promise;
    call.cancel();
    expect((await call.answer()).code).toBe('CANCELLED');
    resolve();
    run(() => reply('still here'));
    expect(await started.client.call(kind)).toMatchObject({ code: 'OK', replies: [reply('still here')] });
  });
});
