import { EMPTY, NEVER, concat, of, startWith, throwError } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KINDS, type Kind, reply, request } from './conformance-service.js';
import { type Handlers, fourKinds } from './four-kinds.controller.js';
import { KINDS_AND_STYLES } from './handler-styles.js';
import { type StartedServer, startServer } from './start-server.js';

const handlers: Handlers = {};
let started: StartedServer;
beforeAll(async () => (started = await startServer({ controllers: [fourKinds(handlers)] })));
afterAll(() => started.close());

const HIDDEN = { code: 'INTERNAL', message: 'internal error', replies: [] };
const ONE = ['unary', 'clientStream'] as const;
const MANY = ['serverStream', 'bidi'] as const;
const answersMany = (kind: Kind) => (MANY as readonly Kind[]).includes(kind);

/** Calls with a handler of this test alone. */
function callWith(kind: Kind | 'acknowledge', handler: () => unknown) {
  handlers[kind] = handler;
  return started.client.call(kind);
}

it.each(KINDS_AND_STYLES)('$kind, written as $style, answers', async ({ kind, write }) => {
  const replies = answersMany(kind) ? [reply('x', 1), reply('x', 2), reply('x', 3)] : [reply('x', 1)];
  const answer = await callWith(kind, () => write({ replies }));
  expect(answer).toMatchObject({ code: 'OK', replies, details: {} });
});

it.each(KINDS_AND_STYLES.filter(({ kind }) => answersMany(kind)))(
  '$kind, written as $style, may end without a reply',
  async ({ kind, write }) => {
    expect(await callWith(kind, () => write({ replies: [] }))).toMatchObject({ code: 'OK', replies: [] });
  },
);

it.each([
  { given: 'undefined', handler: () => undefined },
  { given: 'null', handler: () => null },
  { given: 'an empty object', handler: () => ({}) },
  { given: 'a promise of undefined', handler: async () => undefined },
  { given: 'an Observable of undefined', handler: () => of(undefined) },
])('$given stands for google.protobuf.Empty', async ({ handler }) => {
  const answer = await callWith('acknowledge', handler);
  expect(answer.code).toBe('OK');
  expect(answer.replies).toHaveLength(1);
});

describe.each(ONE)('%s', (kind) => {
  it.each([
    { given: 'undefined', handler: () => undefined },
    { given: 'null', handler: () => null },
    { given: 'a promise of undefined', handler: async () => undefined },
    { given: 'an Observable of undefined', handler: () => of(undefined) },
    { given: 'an Observable that completes empty', handler: () => EMPTY },
    { given: 'a promise of an Observable that completes empty', handler: async () => EMPTY },
  ])('answers INTERNAL where a message is due and $given is given', async ({ handler }) => {
    expect(await callWith(kind, handler)).toMatchObject(HIDDEN);
  });

  it.each([
    { given: 'twice', handler: () => of(reply('first'), reply('second')) },
    {
      given: 'and fails then',
      handler: () =>
        concat(
          of(reply('first')),
          throwError(() => new Error('late')),
        ),
    },
    { given: 'and never completes', handler: () => NEVER.pipe(startWith(reply('first'))) },
  ])('answers with the first value of an Observable that emits $given', async ({ handler }) => {
    expect(await callWith(kind, handler)).toMatchObject({ code: 'OK', replies: [reply('first')] });
    expect(await callWith(kind, () => reply('still here'))).toMatchObject({ code: 'OK' });
  });
});

describe.each(MANY)('%s', (kind) => {
  it.each([
    { given: 'undefined', handler: () => undefined },
    { given: 'null', handler: () => null },
    { given: 'a message', handler: () => reply('lonely') },
    { given: 'a promise of a message', handler: async () => reply('lonely') },
    { given: 'a text', handler: () => 'text' },
  ])('answers INTERNAL where a stream is due and $given is given', async ({ handler }) => {
    expect(await callWith(kind, handler)).toMatchObject(HIDDEN);
  });

  it.each([
    {
      source: 'generator',
      handler: async function* () {
        yield reply('good');
        yield undefined;
      },
    },
    { source: 'Observable', handler: () => of(reply('good'), undefined) },
  ])('answers INTERNAL when the $source gives no message in the middle', async ({ handler }) => {
    expect(await callWith(kind, handler)).toMatchObject({ ...HIDDEN, replies: [reply('good')] });
  });

  it('sends ten thousand replies, each once and in order', async () => {
    const answer = await callWith(kind, async function* () {
      for (let number = 0; number < 10_000; number += 1) yield reply('x', number);
    });
    expect(answer.code).toBe('OK');
    expect(answer.replies.map(({ number }) => number)).toEqual(Array.from({ length: 10_000 }, (_, number) => number));
  });
});

it.each(KINDS_AND_STYLES.filter(({ style }) => !style.includes('Encoded')))(
  '$kind, written as $style, answers INTERNAL for a reply that cannot be encoded',
  async ({ kind, write }) => {
    expect(await callWith(kind, () => write({ replies: ['text' as never] }))).toMatchObject(HIDDEN);
    expect(await callWith(kind, () => write({ replies: [reply('still here')] }))).toMatchObject({ code: 'OK' });
  },
);

describe.each(KINDS)('%s', (kind) => {
  it('gets what the client sent, whole', async () => {
    const sent = request('x', { count: 7, items: [{ skuCode: 'book' }], padding: Buffer.from([0, 255, 128]) });
    let got: unknown;
    handlers.unary = (message) => ((got = message), reply('x'));
    handlers.serverStream = async function* (message) {
      yield ((got = message), reply('x'));
    };
    handlers.clientStream = async (messages) => {
      for await (const message of messages) got = message;
      return reply('x');
    };
    handlers.bidi = async function* (messages) {
      for await (const message of messages) yield ((got = message), reply('x'));
    };
    expect(await started.client.call(kind, sent)).toMatchObject({ code: 'OK', replies: [reply('x')] });
    expect(got).toMatchObject(sent);
  });
});
