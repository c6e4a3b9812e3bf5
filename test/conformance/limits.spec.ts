import { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KINDS, reply } from './conformance-service.js';
import { type Handlers, fourKinds } from './four-kinds.controller.js';
import { type StartedServer, startServer } from './start-server.js';

const MAX = 100_000;
/** The ids that handlers have seen. */
const seen: string[] = [];
const handlers: Handlers = {
  unary: ({ id }) => (seen.push(id), reply(id)),
  async *serverStream({ id }) {
    yield (seen.push(id), reply(id));
  },
  async clientStream(messages) {
    for await (const { id } of messages) seen.push(id);
    return reply('all');
  },
  async *bidi(messages) {
    for await (const { id } of messages) yield (seen.push(id), reply(id));
  },
};

let started: StartedServer;
beforeAll(async () => {
  started = await startServer({ controllers: [fourKinds(handlers)], limits: { maxMessageBytes: MAX } });
});
afterAll(() => started.close());

const sized = (id: string, length: number) => ({ id, padding: Buffer.alloc(length) });

describe.each(KINDS)('%s', (kind) => {
  it('takes a request as large as it may be, and refuses a larger one', async () => {
    expect(await started.client.call(kind, sized('fits', MAX - 100))).toMatchObject({ code: 'OK' });
    seen.splice(0);
    const answer = await started.client.call(kind, sized('large', MAX + 1));
    expect(answer).toMatchObject({ code: 'RESOURCE_EXHAUSTED', replies: [] });
    expect(seen).not.toContain('large');
    expect(await started.client.call(kind, sized('after', 10))).toMatchObject({ code: 'OK' });
  });

  it('refuses metadata that is too large', async () => {
    seen.splice(0);
    const metadata = new Metadata();
    for (let index = 0; index < 50; index += 1) metadata.set(`x-large-${index}`, 'x'.repeat(1_000));
    expect((await started.client.call(kind, { id: 'x' }, { metadata })).code).toBe('RESOURCE_EXHAUSTED');
    expect(seen).toEqual([]);
    expect(await started.client.call(kind)).toMatchObject({ code: 'OK' });
  });

  it('sends a reply that is larger than what it accepts', async () => {
    const large = reply('x', 0, Buffer.alloc(5 * MAX, 1));
    const own = await startServer({
      controllers: [
        fourKinds({
          unary: () => large,
          clientStream: () => large,
          async *serverStream() {
            yield large;
          },
          async *bidi() {
            yield large;
          },
        }),
      ],
      limits: { maxMessageBytes: MAX },
    });
    const answer = await own.client.call(kind);
    expect(answer.code).toBe('OK');
    expect(answer.replies[0]!.padding).toHaveLength(5 * MAX);
    await own.close();
  });
});

describe.each(['clientStream', 'bidi'] as const)('%s', (kind) => {
  it('refuses a message that is too large in the middle', async () => {
    seen.splice(0);
    const answer = await started.client.call(kind, [{ id: 'a' }, { id: 'b' }, sized('large', MAX + 1), { id: 'c' }]);
    expect(answer.code).toBe('RESOURCE_EXHAUSTED');
    expect(seen).not.toContain('large');
    expect(seen).not.toContain('c');
    expect(await started.client.call(kind, { id: 'after' })).toMatchObject({ code: 'OK' });
  });
});
