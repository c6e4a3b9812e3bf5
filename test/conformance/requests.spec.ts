import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { reply } from './conformance-service.js';
import { type Handlers, fourKinds } from './four-kinds.controller.js';
import { type StartedServer, startServer } from './start-server.js';

/** The ids that handlers have seen. */
const seen: string[] = [];

const handlers: Handlers = {
  unary: ({ id }) => (seen.push(id), reply(id)),
  async *serverStream({ id }) {
    yield (seen.push(id), reply(id));
  },
  async clientStream(messages) {
    for await (const { id } of messages) seen.push(id);
    return reply(seen.join());
  },
  async *bidi(messages) {
    for await (const { id } of messages) yield (seen.push(id), reply(id));
  },
};

let started: StartedServer;
beforeAll(async () => (started = await startServer({ controllers: [fourKinds(handlers)] })));
afterAll(() => started.close());
beforeEach(() => void seen.splice(0));

/** A length that says more than there is. */
const NO_MESSAGE = Buffer.from([0x0a, 0x7f]);
const good = { id: 'good' };

const INVALID = [
  { what: 'an empty field', sent: {}, field: 'id' },
  { what: 'a number that is too large', sent: { id: 'x', count: 1_000_001 }, field: 'count' },
  {
    what: 'a field of an element',
    sent: { id: 'x', items: [{ skuCode: 'book' }, { skuCode: '' }] },
    field: 'items[1].sku_code',
  },
];

describe.each(['unary', 'serverStream'] as const)('%s', (kind) => {
  it.each(INVALID)('refuses $what and names it', async ({ sent, field }) => {
    expect(await started.client.call(kind, sent)).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `invalid ${field}`,
      details: { BadRequest: { fieldViolations: [{ field }] }, ErrorInfo: { domain: 'conformance' } },
      replies: [],
    });
    expect(seen).toEqual([]);
  });

  it('refuses bytes that are no message', async () => {
    expect(await started.client.call(kind, NO_MESSAGE)).toMatchObject({ code: 'INVALID_ARGUMENT', replies: [] });
    expect(seen).toEqual([]);
  });

  // https://github.com/grpc/grpc/blob/master/doc/statuscodes.md: a request cardinality violation is UNIMPLEMENTED.
  it.each([
    { count: 'no request', sent: [] },
    { count: 'two requests', sent: [good, good] },
  ])('refuses $count', async ({ sent }) => {
    expect((await started.client.call(kind, sent)).code).toBe('UNIMPLEMENTED');
  });
});

describe.each(['clientStream', 'bidi'] as const)('%s', (kind) => {
  it.each(INVALID)('refuses $what in the middle and names it', async ({ sent, field }) => {
    expect(await started.client.call(kind, [good, good, sent, good])).toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { BadRequest: { fieldViolations: [{ field }] } },
      replies: kind === 'bidi' ? [reply('good'), reply('good')] : [],
    });
    expect(seen).toEqual(['good', 'good']);
  });

  it('refuses an invalid first message', async () => {
    expect(await started.client.call(kind, [{}, good])).toMatchObject({ code: 'INVALID_ARGUMENT', replies: [] });
    expect(seen).toEqual([]);
  });

  it('refuses bytes that are no message in the middle', async () => {
    expect(await started.client.call(kind, [good, NO_MESSAGE, good])).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(seen).toEqual(['good']);
  });

  it('gets every message, each once and in order', async () => {
    const ids = Array.from({ length: 2_000 }, (_, index) => `m${index}`);
    const answer = await started.client.call(
      kind,
      ids.map((id) => ({ id })),
    );
    expect(answer.code).toBe('OK');
    expect(seen).toEqual(ids);
  });

  it('may be called without any message', async () => {
    const replies = kind === 'bidi' ? [] : [reply('')];
    expect(await started.client.call(kind, [])).toMatchObject({ code: 'OK', replies });
  });
});
