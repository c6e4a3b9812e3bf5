import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Code, DeadlineExceeded, Unavailable } from '@rookery/errors';
import { createGrpcClient } from '@rookery/grpc';
import { serveFake } from '@rookery/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KindsDefinition, drain, failure, serving } from './kinds.fixture.js';
import { type ServedKinds, serveKinds } from './served-kinds.fixture.js';

let kinds: ServedKinds;
beforeAll(async () => (kinds = await serveKinds()));
afterEach(() => kinds.forget());
afterAll(() => kinds.close());

describe('a deadline', () => {
  it('ends unary calls and streams', async () => {
    const unary = await failure(kinds.methods.get({ id: 'hangs' }, { timeout: '50ms' }));
    expect(unary).toBeInstanceOf(DeadlineExceeded);
    expect(unary.message).toBe('kinds did not answer within 50 ms.');
    expect(await failure(drain(kinds.methods.list({ id: 'hangs' }, { timeout: 50 })))).toBeInstanceOf(DeadlineExceeded);
    await expect.poll(() => kinds.seen.aborted).toBe(2);
  });

  it('of the call being served bounds its calls, streams too', async () => {
    const work = serving({ deadline: Date.now() + 50 }, () => failure(drain(kinds.methods.list({ id: 'hangs' }))));
    expect((await work).code).toBe(Code.DEADLINE_EXCEEDED);
  });

  it('that passes while the server drains says that the service was slow, not that it was out of reach', async () => {
    const draining = await serveFake(kinds.service);
    const options = { target: draining.target, timeout: '300ms' };
    const { methods, close } = createGrpcClient(KindsDefinition, options);
    const work = failure(methods.get({ id: 'hangs' }));
    await expect.poll(() => kinds.seen.begun, { interval: 5 }).toBe(1);
    const drained = draining.drain();
    const error = await work;
    expect(error.message).toBe('kinds did not answer within 300 ms.');
    expect(error).toBeInstanceOf(DeadlineExceeded);
    close();
    await drained;
  });

  it('that passes before there is a connection says that the service is out of reach', async () => {
    const silent = createServer();
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    const { port } = silent.address() as AddressInfo;
    const { methods, close } = createGrpcClient(KindsDefinition, { target: `127.0.0.1:${port}`, timeout: '100ms' });
    expect(await failure(methods.get({}))).toBeInstanceOf(Unavailable);
    close();
    silent.close();
  });

  it('that has passed sends nothing', async () => {
    const work = serving({ deadline: Date.now() - 1 }, () => failure(kinds.methods.get({})));
    expect((await work).message).toBe('There was no time left to call kinds.');
  });

  it('that is no duration is a TypeError', async () => {
    await expect(kinds.methods.get({}, { timeout: 'soon' })).rejects.toThrow(
      "timeout takes a duration such as '500ms' or 5000; got soon",
    );
  });
});
