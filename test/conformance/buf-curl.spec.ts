import { callContext } from '@rookery/context';
import { Code, InvalidArgument, NotFound } from '@rookery/errors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CurlAnswer, bufCurl } from './buf-curl.js';
import { messageType, reply } from './conformance-service.js';
import { type Handlers, fourKinds } from './four-kinds.controller.js';
import { type StartedServer, startServer } from './start-server.js';

const FAILURES: Record<string, unknown> = {
  lost: new NotFound('no such thing', { reason: 'THING_NOT_FOUND', metadata: { id: '7' } }),
  bad: new InvalidArgument('bad', { violations: [{ field: 'id', description: 'is odd' }] }),
  defect: new Error('SELECT secret'),
};

const handlers: Handlers = {
  unary({ id }) {
    if (FAILURES[id]) throw FAILURES[id];
    return reply(id === 'who' ? callContext()!.requestId : id, 1);
  },
  async *serverStream({ id, count }) {
    for (let number = 1; number <= count; number += 1) yield reply('x', number);
    if (FAILURES[id]) throw FAILURES[id];
  },
  acknowledge: () => undefined,
};
let started: StartedServer;
beforeAll(async () => (started = await startServer({ controllers: [fourKinds(handlers)] })));
afterAll(() => started.close());

/** `{ ErrorInfo: {...} }`: buf prints the details of a status as they were sent, in base64. */
function details({ error }: CurlAnswer): Record<string, object> {
  return Object.fromEntries(
    (error?.details ?? []).map(({ type, value }) => [
      type.split('.').at(-1),
      messageType(type)!.deserialize(Buffer.from(value, 'base64')),
    ]),
  );
}

describe('buf curl', () => {
  it('gets a reply, and an empty one', async () => {
    expect(await bufCurl(started.address, 'Unary', { id: 'x' })).toMatchObject({
      code: 0,
      replies: [{ id: 'x', number: 1 }],
    });
    expect(await bufCurl(started.address, 'Acknowledge', { id: 'x' })).toEqual({ code: 0, replies: [{}] });
  });

  it('gets every reply of a stream', async () => {
    const { code, replies } = await bufCurl(started.address, 'ServerStream', { id: 'x', count: 3 });
    expect(code).toBe(0);
    expect(replies).toMatchObject([{ number: 1 }, { number: 2 }, { number: 3 }]);
  });

  it.each(['Unary', 'ServerStream'])('gets an error of %s with its details', async (rpc) => {
    const answer = await bufCurl(started.address, rpc, { id: 'lost' });
    expect(answer).toMatchObject({ code: Code.NOT_FOUND, replies: [], error: { message: 'no such thing' } });
    expect(details(answer)).toMatchObject({
      ErrorInfo: { reason: 'THING_NOT_FOUND', domain: 'conformance', metadata: { id: '7' } },
    });
    expect(details(await bufCurl(started.address, rpc, { id: 'bad' }))).toMatchObject({
      BadRequest: { fieldViolations: [{ field: 'id', description: 'is odd' }] },
    });
  });

  it('gets an error in the middle of a stream after its replies', async () => {
    const answer = await bufCurl(started.address, 'ServerStream', { id: 'lost', count: 2 });
    expect(answer).toMatchObject({ code: Code.NOT_FOUND, replies: [{ number: 1 }, { number: 2 }] });
    expect(details(answer)).toMatchObject({ ErrorInfo: { reason: 'THING_NOT_FOUND' } });
  });

  it.each(['Unary', 'ServerStream'])('learns of %s what is wrong with a request', async (rpc) => {
    const answer = await bufCurl(started.address, rpc, { id: 'x', items: [{}] });
    expect(answer).toMatchObject({ code: Code.INVALID_ARGUMENT, error: { message: 'invalid items[0].sku_code' } });
    expect(details(answer)).toMatchObject({ BadRequest: { fieldViolations: [{ field: 'items[0].sku_code' }] } });
  });

  it('learns nothing of a defect', async () => {
    const answer = await bufCurl(started.address, 'Unary', { id: 'defect' });
    expect(answer).toMatchObject({ code: Code.INTERNAL, error: { message: 'internal error' } });
    expect(JSON.stringify(answer)).not.toContain('SELECT');
  });

  it('sends metadata', async () => {
    const answer = await bufCurl(started.address, 'Unary', { id: 'who' }, '-H', 'x-request-id: from-curl');
    expect(answer.replies).toMatchObject([{ id: 'from-curl' }]);
  });

  it('is told of what nobody serves', async () => {
    expect((await bufCurl(started.address, 'Unserved', { id: 'x' })).code).toBe(Code.UNIMPLEMENTED);
  });
});
