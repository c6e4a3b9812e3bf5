import { NotFound } from '@rookery/errors';
import { Observable } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Reply, reply } from './conformance-service.js';
import { type Handlers, fourKinds } from './four-kinds.controller.js';
import { RawClient } from './raw-client.js';
import { type StartedServer, startServer } from './start-server.js';

const handlers: Handlers = {};
let started: StartedServer;
/** A second connection, to see that the server does other things meanwhile. */
let other: RawClient;
beforeAll(async () => {
  started = await startServer({ controllers: [fourKinds(handlers)] });
  other = new RawClient(started.address);
});
afterAll(async () => {
  other.close();
  await started.close();
});

const ONE_KB = Buffer.alloc(1_000);
/**
 * Messages of 1 KB that may be on their way between one end and the other. A stream's flow-control window is 64 KiB;
 * what the two ends buffer on top is a few dozen. Without backpressure it is all of them.
 */
const MOST_IN_FLIGHT = 300;

/** Lets everything that can go on go on: both ends turn their event loops often. */
async function settle(): Promise<void> {
  handlers.acknowledge = () => ({});
  for (let turn = 0; turn < 50; turn += 1) expect((await other.call('acknowledge')).code).toBe('OK');
}

describe.each(['serverStream', 'bidi'] as const)('%s: a slow reader', (kind) => {
  const producers: Record<string, (made: () => void, stopped: () => void) => AsyncIterable<Reply>> = {
    'an async generator': async function* (made, stopped) {
      try {
        for (let number = 1; number <= 1_000_000; number += 1) yield (made(), reply('x', number, ONE_KB));
      } finally {
        stopped();
      }
    },
    'an AsyncIterable object': (made, stopped) => {
      let number = 0;
      return {
        [Symbol.asyncIterator]: () => ({
          next: async () => (made(), { value: reply('x', (number += 1), ONE_KB), done: number > 1_000_000 }),
          return: async () => (stopped(), { value: undefined, done: true }),
        }),
      };
    },
  };

  it.each(Object.entries(producers))('pauses %s, and ends it by leaving', async (_, produce) => {
    let made = 0;
    let stopped = () => {};
    const ended = new Promise<void>((resolve) => (stopped = resolve));
    const handler = () => produce(() => (made += 1), stopped);
    handlers[kind] = handler;
    const call = started.client.start(kind).send({ id: 'x' }).end();
    for (let number = 1; number <= 5; number += 1) expect((await call.next()).number).toBe(number);
    await settle();
    expect(made).toBeLessThan(5 + MOST_IN_FLIGHT);
    call.cancel();
    expect((await call.answer()).code).toBe('CANCELLED');
    await ended;
    const last = made;
    await settle();
    expect(made).toBe(last);
  });

  it('gets everything once it reads on', async () => {
    handlers[kind] = async function* () {
      for (let number = 1; number <= 2_000; number += 1) yield reply('x', number, ONE_KB);
    };
    const call = started.client.start(kind).send({ id: 'x' }).end();
    await call.next();
    await settle();
    const { code, replies } = await call.answer();
    expect(code).toBe('OK');
    expect(replies.map(({ number }) => number)).toEqual(Array.from({ length: 1_999 }, (_, index) => index + 2));
  });
});

it.each(['serverStream', 'bidi'] as const)(
  '%s: an Observable, which cannot be paused, ends when its replies would fill the memory',
  async (kind) => {
    const limited = await startServer({
      controllers: [fourKinds(handlers)],
      limits: { maxBufferedBytes: 256 * 1024 },
    });
    let made = 0;
    handlers[kind] = () =>
      new Observable<Reply>((subscriber) => {
        while (made < 1_000_000 && !subscriber.closed) subscriber.next(reply('x', (made += 1), ONE_KB));
        subscriber.complete();
      });
    const { code, details } = await limited.client.start(kind).send({ id: 'x' }).end().answer();
    expect([code, details['ErrorInfo']]).toEqual([
      'RESOURCE_EXHAUSTED',
      expect.objectContaining({ reason: 'SLOW_READER' }),
    ]);
    expect(made).toBeLessThan(MOST_IN_FLIGHT);
    await limited.close();
  },
);

describe.each(['clientStream', 'bidi'] as const)('%s', (kind) => {
  it('slows the client down when the handler reads slowly', async () => {
    let goOn = () => {};
    const gate = new Promise<void>((resolve) => (goOn = resolve));
    let read = 0;
    const readAll = async (messages: AsyncIterable<unknown>) => {
      for await (const _ of messages) if ((read += 1) === 1) await gate;
    };
    handlers.clientStream = async (messages) => (await readAll(messages), reply('done'));
    handlers.bidi = async function* (messages) {
      yield (await readAll(messages), reply('done'));
    };
    const call = started.client.start(kind);
    let written = 0;
    const writer = (async () => {
      for (; written < 3_000; written += 1) {
        const room = call.stream.write({ id: 'x', padding: ONE_KB });
        if (!room) await new Promise((resolve) => call.stream.once('drain', resolve));
      }
      call.end();
    })();
    await settle();
    expect(read).toBe(1);
    expect(written).toBeLessThan(1 + MOST_IN_FLIGHT);
    goOn();
    await writer;
    expect(await call.answer()).toMatchObject({ code: 'OK', replies: [reply('done')] });
    expect(read).toBe(3_000);
  });

  it('waits for a client that sends slowly', async () => {
    const ids: string[] = [];
    let arrived = () => {};
    const arrive = (id: string) => {
      ids.push(id);
      arrived();
    };
    handlers.clientStream = async (messages) => {
      for await (const { id } of messages) arrive(id);
      return reply(ids.join());
    };
    handlers.bidi = async function* (messages) {
      for await (const { id } of messages) arrive(id);
      yield reply(ids.join());
    };
    const call = started.client.start(kind);
    for (const id of ['a', 'b', 'c']) {
      const next = new Promise<void>((resolve) => (arrived = resolve));
      call.send({ id });
      await next;
    }
    expect(await call.end().answer()).toMatchObject({ code: 'OK', replies: [reply('a,b,c')] });
  });

  it.each([
    { reads: 'nothing', count: 0 },
    { reads: 'the first message', count: 1 },
  ])('may answer before the client has ended, having read $reads', async ({ count }) => {
    const readSome = async (messages: AsyncIterable<unknown>) => {
      let left = count;
      if (left > 0) for await (const _ of messages) if ((left -= 1) === 0) break;
    };
    handlers.clientStream = async (messages) => (await readSome(messages), reply('early'));
    handlers.bidi = async function* (messages) {
      yield (await readSome(messages), reply('early'));
    };
    const call = started.client.start(kind).send({ id: 'a' }, { id: 'b' });
    expect(await call.answer()).toMatchObject({ code: 'OK', replies: [reply('early')] });
    expect(await started.client.call(kind)).toMatchObject({ code: 'OK' });
  });
});

describe.each(['clientStream', 'bidi'] as const)('%s, answered without being read,', (kind) => {
  it.each([
    { what: 'a reply', ends: true, write: () => reply('early') },
    { what: 'a reply', ends: false, write: () => reply('early') },
    { what: 'an error', ends: true, write: () => Promise.reject(new NotFound('early')) },
    { what: 'an error', ends: false, write: () => Promise.reject(new NotFound('early')) },
  ])('is over with $what when the client ends: $ends', async ({ ends, write }) => {
    const own = await startServer({
      controllers: [
        fourKinds({
          clientStream: write,
          async *bidi() {
            yield await write();
          },
        }),
      ],
    });
    const call = own.client.start(kind).send({ id: 'a' }, { id: 'b' });
    if (ends) call.end();
    expect(['OK', 'NOT_FOUND']).toContain((await call.answer()).code);
    // A graceful stop waits for every call that is not over.
    await own.close();
  });
});

it('bidi answers each message before the next one is sent', async () => {
  handlers.bidi = async function* (messages) {
    for await (const { id } of messages) yield reply(id);
  };
  const call = started.client.start('bidi');
  for (const id of ['a', 'b', 'c']) expect((await call.send({ id }).next()).id).toBe(id);
  expect(await call.end().answer()).toMatchObject({ code: 'OK', replies: [] });
});

it('bidi replies without being asked and reads on meanwhile', async () => {
  handlers.bidi = async function* (messages) {
    yield reply('welcome');
    const ids: string[] = [];
    for await (const { id } of messages) ids.push(id);
    yield reply(ids.join());
  };
  const call = started.client.start('bidi');
  expect((await call.next()).id).toBe('welcome');
  expect((await call.send({ id: 'a' }, { id: 'b' }).end().answer()).replies).toEqual([reply('a,b')]);
});
