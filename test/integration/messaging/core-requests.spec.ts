import { setTimeout as sleep } from 'node:timers/promises';
import { RpcException } from '@nestjs/microservices';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { UserCreated } from '@rookery/contracts/user/v1';
import { FailedPrecondition, Internal, InvalidArgument, NotFound, Unavailable, Unknown } from '@rookery/errors';
import { describe, expect, it } from 'vitest';
import { TRANSPORTS, messageApps } from './core-messages.fixture.js';

describe.each(TRANSPORTS)('messages over %s', (_, url) => {
  const { start, own, answering } = messageApps(url);

  it('brings a request to its handler and the answer back', async () => {
    const seen: unknown[] = [];
    const app = await start({
      controllers: [
        answering('*.check', (payload: { sku: string }, context) => {
          seen.push(payload, context.getSubject(), context.getHeaders().get('x-colour'));
          return { left: 3, of: payload.sku };
        }),
      ],
    });
    const headers = { 'x-colour': 'blue' };
    expect(await app.client.request(own('book.check'), { sku: 'book' }, { headers })).toEqual({
      left: 3,
      of: 'book',
    });
    expect(seen).toEqual([{ sku: 'book' }, own('book.check'), 'blue']);
  });

  it.each([[undefined], [null], [0], [''], ['text'], [[1, 2]]])('answers with %j as it is', async (value) => {
    const app = await start({ controllers: [answering('value', (payload) => payload)] });
    expect(await app.client.request(own('value'), value)).toEqual(value);
  });

  it('carries bytes without a codec, and protobuf with one', async () => {
    const app = await start({
      controllers: [
        answering('bytes', (payload: Buffer) => Buffer.concat([payload, Buffer.from([255])])),
        answering('typed', ({ id, userId }: OrderCreated) => ({ id: userId, email: id }), {
          payload: OrderCreated,
          reply: UserCreated,
        }),
      ],
    });
    expect(await app.client.request(own('bytes'), Buffer.from([0]))).toEqual(Buffer.from([0, 255]));
    const codecs = { payload: OrderCreated, reply: UserCreated };
    const user = await app.client.request(own('typed'), { id: 'o-1', userId: 'u-1' }, codecs);
    expect(user).toMatchObject({ id: 'u-1', email: 'o-1' });
    await expect(app.client.request(own('typed'), { id: 'o-1' })).rejects.toThrow(InvalidArgument);
  });

  it('has the sender catch what the handler throws, and hides defects', async () => {
    const violation = { type: 'STATE', subject: 'stock/1', description: 'sold out' };
    const thrown: Record<string, unknown> = {
      missing: new NotFound('kein Büch', { reason: 'NO_BOOK', metadata: { sku: 'b' } }),
      state: new FailedPrecondition('no', { violations: [violation] }),
      defect: new TypeError('secret'),
      rpc: new RpcException('as you were'),
    };
    const app = await start({
      controllers: Object.entries(thrown).map(([name, error]) =>
        answering(name, () => {
          throw error;
        }),
      ),
    });
    const failure = (name: string) => app.client.request(own(name), {}).catch((error: unknown) => error);
    expect(await failure('missing')).toMatchObject({
      constructor: NotFound,
      message: 'kein Büch',
      reason: 'NO_BOOK',
      domain: 'stock-service',
      metadata: { sku: 'b' },
    });
    expect(await failure('state')).toMatchObject({ constructor: FailedPrecondition, violations: [violation] });
    expect(await failure('defect')).toMatchObject({ constructor: Internal, message: 'internal error' });
    expect(await failure('rpc')).toMatchObject({ constructor: Unknown, message: 'as you were' });
    expect(await app.handled(own('missing'), 'NOT_FOUND')).toBe(1);
    expect(app.log.find(({ subject }) => subject === own('defect'))).toMatchObject({
      code: 'INTERNAL',
      msg: 'message failed',
    });
    expect(JSON.stringify(app.log)).toContain('secret');
  });

  it('gives each of many requests its own answer', async () => {
    const wait = (n: number) => sleep(n % 7, n);
    const { client } = await start({ controllers: [answering('echo', wait)] });
    const numbers = Array.from({ length: 300 }, (_n, index) => index);
    expect(await Promise.all(numbers.map((n) => client.request(own('echo'), n)))).toEqual(numbers);
  });

  it('says at once that nobody answers', async () => {
    const { client } = await start();
    await expect(client.request(own('nobody'), {})).rejects.toMatchObject({
      constructor: Unavailable,
      reason: 'NO_RESPONDERS',
    });
  });

  it('refuses what does not fit', async () => {
    const app = await start({ controllers: [answering('large', () => 'x'.repeat(1_000_001))] });
    const tooLarge = { reason: 'MESSAGE_TOO_LARGE' };
    await expect(app.client.publish(own('large'), 'x'.repeat(1_000_000))).rejects.toMatchObject(tooLarge);
    await expect(app.client.request(own('large'), {})).rejects.toMatchObject(tooLarge);
  });
});
