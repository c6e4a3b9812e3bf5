import { getEventListeners, once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { User } from '@rookery/contracts/user/v1';
import { Cancelled, Code, DeadlineExceeded, InvalidArgument, NotFound, Unavailable } from '@rookery/errors';
import { type GrpcClient, createGrpcClient } from '@rookery/grpc';
import { type ServedFake, fake, serveFake } from '@rookery/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KindsDefinition, drain, failure, serving } from './kinds.fixture.js';

/** What the service did, for assertions. */
const seen = { produced: 0, received: 0, begun: 0, aborted: 0 };

const until = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));

const service = fake(KindsDefinition, {
  get: async ({ id }, { signal }) => {
    if (id === 'hangs') {
      seen.begun += 1;
      await until(signal);
      seen.aborted += 1;
    }
    if (id === 'missing') throw new NotFound('no such user', { reason: 'USER_NOT_FOUND', metadata: { id } });
    return { id };
  },
  list: async function* ({ id }, { signal }) {
    const many = id === 'endless' ? Number.POSITIVE_INFINITY : 3;
    for (seen.produced = 0; seen.produced < many; seen.produced += 1) {
      yield { id: String(seen.produced), name: 'n'.repeat(1_000) };
    }
    if (id === 'fails')
      throw new InvalidArgument('in the middle', { violations: [{ field: 'id', description: 'bad' }] });
    if (id === 'hangs') await until(signal);
    if (id === 'hangs') seen.aborted += 1;
  },
  collect: async (requests, { signal }) => {
    const ids = [];
    for await (const { id } of requests) {
      ids.push(id);
      seen.received += 1;
      if (id === 'enough') return { id: ids.join() };
      if (id.startsWith('refused')) throw new NotFound('no such user');
      if (id.startsWith('slow')) await until(signal);
    }
    return { id: ids.join() };
  },
  echo: async function* (requests, { signal }) {
    for await (const { id } of requests) {
      if (id === 'refused') throw new NotFound('no such user');
      yield { id };
      if (id.startsWith('slow')) await until(signal);
    }
  },
});

let served: ServedFake;
let client: GrpcClient<typeof KindsDefinition>;

beforeAll(async () => {
  served = await serveFake(service);
  client = createGrpcClient(KindsDefinition, { target: served.target, timeout: '10s' });
});
afterAll(() => {
  client.close();
  served.close();
});
afterEach(() => void Object.assign(seen, { produced: 0, received: 0, begun: 0, aborted: 0 }));

/** Waits until `count` no longer changes. */
async function settled(count: () => number): Promise<number> {
  let before = -1;
  await expect.poll(() => [before, (before = count())].every((n) => n === before), { interval: 50 }).toBe(true);
  return before;
}

describe('replies', () => {
  it('come as a promise or one by one, as the kind says', async () => {
    const { get, list, collect, echo } = client.methods;
    const ids = (users: User[]) => users.map(({ id }) => id);
    expect(await get({ id: 'x' })).toEqual(User.fromPartial({ id: 'x' }));
    expect(ids(await drain(list({})))).toEqual(['0', '1', '2']);
    expect((await collect([{ id: 'a' }, { id: 'b' }])).id).toBe('a,b');
    expect(ids(await drain(echo([{ id: 'a' }, { id: 'b' }])))).toEqual(['a', 'b']);
    expect(await drain(echo([]))).toEqual([]);
  });

  it('are read in the order of the readers', async () => {
    const stream = client.methods.list({})[Symbol.asyncIterator]();
    const results = await Promise.all([stream.next(), stream.next(), stream.next(), stream.next()]);
    expect(results.map(({ done, value }) => done || (value as User).id)).toEqual(['0', '1', '2', true]);
  });
});

describe('an error', () => {
  it('is the one that the service threw, with its details and the caller in its stack', async () => {
    const error = await failure(
      (async function theCaller() {
        await client.methods.get({ id: 'missing' });
      })(),
    );
    expect(error).toBeInstanceOf(NotFound);
    expect(error).toMatchObject({ reason: 'USER_NOT_FOUND', domain: 'kinds', metadata: { id: 'missing' } });
    expect(error.stack).toContain('theCaller');
  });

  it('comes after the replies that were sent before it', async () => {
    const got: User[] = [];
    const error = await failure(drain(client.methods.list({ id: 'fails' }), got));
    expect(error).toBeInstanceOf(InvalidArgument);
    expect(error).toMatchObject({ violations: [{ field: 'id', description: 'bad' }] });
    expect(got).toHaveLength(3);
  });

  it('reaches the callers of methods with many requests, too', async () => {
    expect(await failure(client.methods.collect([{ id: 'refused' }]))).toBeInstanceOf(NotFound);
    expect(await failure(drain(client.methods.echo([{ id: 'refused' }])))).toBeInstanceOf(NotFound);
  });

  it('of a server that nobody runs names the service and not the address', async () => {
    const nobody = createGrpcClient(KindsDefinition, { target: '127.0.0.1:1', timeout: '5s', retry: false });
    for (const work of [nobody.methods.get({}), drain(nobody.methods.list({}))]) {
      const error = await failure(work);
      expect(error).toBeInstanceOf(Unavailable);
      expect(error.message).toBe('kinds cannot be reached right now; try again.');
    }
    nobody.close();
  });
});

describe('a source of requests', () => {
  it.each(['collect', 'echo'] as const)('that throws fails %s with that very error and cancels it', async (kind) => {
    const defect = new Error('the source is broken');
    async function* broken() {
      yield { id: 'a' };
      throw defect;
    }
    const result = client.methods[kind](broken());
    expect(await failure(result instanceof Promise ? result : drain(result))).toBe(defect);
  });

  it.each(['collect', 'echo'] as const)('is told to stop when its request cannot be encoded (%s)', async (kind) => {
    let stopped = false;
    async function* wrong() {
      try {
        yield { id: 'a' };
        yield null as never;
      } finally {
        stopped = true;
      }
    }
    const result = client.methods[kind](wrong());
    expect(await failure(result instanceof Promise ? result : drain(result))).toBeInstanceOf(TypeError);
    expect(stopped).toBe(true);
  });

  it.each(['collect', 'echo'] as const)('is told to stop when %s ends before it', async (kind) => {
    let stopped = false;
    async function* endless() {
      try {
        for (;;) yield { id: 'refused' };
      } finally {
        stopped = true;
      }
    }
    const result = client.methods[kind](endless());
    expect(await failure(result instanceof Promise ? result : drain(result))).toBeInstanceOf(NotFound);
    await expect.poll(() => stopped).toBe(true);
  });

  it('may be left by the service, which has heard enough', async () => {
    let asked = 0;
    async function* endless() {
      for (;;) yield { id: asked++ === 0 ? 'enough' : 'more' };
    }
    expect((await client.methods.collect(endless())).id).toBe('enough');
  });

  it.each(['collect', 'echo'] as const)('is paused by a slow server (%s)', async (kind) => {
    let asked = 0;
    async function* endless() {
      for (;;) {
        asked += 1;
        yield { id: `slow${'x'.repeat(10_000)}` };
      }
    }
    const controller = new AbortController();
    const result = client.methods[kind](endless(), { signal: controller.signal });
    const end = failure(result instanceof Promise ? result : drain(result));
    // 256 KiB that the channel may keep for another attempt, and the windows and buffers of both sides.
    expect(await settled(() => asked)).toBeLessThan(100);
    expect(asked).toBeGreaterThan(1);
    controller.abort();
    expect(await end).toBeInstanceOf(Cancelled);
  });
});

describe('a reader', () => {
  it('who leaves cancels the call', async () => {
    for await (const { id } of client.methods.list({ id: 'hangs' })) if (id === '1') break;
    await expect.poll(() => seen.aborted).toBe(1);
  });

  it('who leaves while waiting for a reply does not wait on', async () => {
    const stream = client.methods.list({ id: 'hangs' })[Symbol.asyncIterator]();
    for (let n = 0; n < 3; n += 1) await stream.next();
    const waiting = stream.next();
    await stream.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await expect.poll(() => seen.aborted).toBe(1);
  });

  it('who never begins costs no call', async () => {
    const stream = client.methods.list({ id: 'hangs' })[Symbol.asyncIterator]();
    await stream.return?.();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(seen.produced).toBe(0);
  });

  it('who stops pauses the server', async () => {
    const stream = client.methods.list({ id: 'endless' })[Symbol.asyncIterator]();
    await stream.next();
    const produced = await settled(() => seen.produced);
    expect(produced).toBeLessThan(500);
    // Who reads on gets all of them.
    for (let n = 1; n < 2_000; n += 1) expect(((await stream.next()).value as User).id).toBe(String(n));
    await stream.return?.();
  });
});

describe('a signal', () => {
  it('cancels the call, and its reason is the cause', async () => {
    const controller = new AbortController();
    const work = failure(client.methods.get({ id: 'hangs' }, { signal: controller.signal }));
    const reason = new Error('enough');
    controller.abort(reason);
    const error = await work;
    expect(error).toBeInstanceOf(Cancelled);
    expect(error.cause).toBe(reason);
  });

  it('that has aborted before sends nothing', async () => {
    const signal = AbortSignal.abort();
    expect(await failure(client.methods.collect([{ id: 'a' }], { signal }))).toBeInstanceOf(Cancelled);
    expect(await failure(drain(client.methods.list({}, { signal })))).toBeInstanceOf(Cancelled);
    expect(seen).toEqual({ produced: 0, received: 0, begun: 0, aborted: 0 });
  });

  it('of the call being served ends its calls with the reason why that one ends, beside a signal of their own', async () => {
    const controller = new AbortController();
    const reason = new Unavailable('shutting down', { reason: 'SHUTTING_DOWN' });
    const work = serving({ signal: controller.signal }, () =>
      failure(client.methods.get({ id: 'hangs' }, { signal: new AbortController().signal })),
    );
    controller.abort(reason);
    expect(await work).toBe(reason);
  });

  it('shared by 1000 calls at once and one after the other keeps no listener', async () => {
    const { signal } = new AbortController();
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    const calls = Array.from({ length: 1_000 }, (_, n) => client.methods.get({ id: String(n) }, { signal }));
    expect(getEventListeners(signal, 'abort').length).toBe(1);
    expect(await Promise.all(calls)).toHaveLength(1_000);
    for (let n = 0; n < 100; n += 1) {
      await client.methods.get({}, { signal });
      await drain(client.methods.list({}, { signal }));
      for await (const _ of client.methods.list({ id: 'hangs' }, { signal })) break;
      await failure(client.methods.collect([{ id: 'refused' }], { signal }));
    }
    await expect.poll(() => getEventListeners(signal, 'abort').length).toBe(0);
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });
});

describe('a deadline', () => {
  it('ends unary calls and streams', async () => {
    const unary = await failure(client.methods.get({ id: 'hangs' }, { timeout: '50ms' }));
    expect(unary).toBeInstanceOf(DeadlineExceeded);
    expect(unary.message).toBe('kinds did not answer within 50 ms.');
    expect(await failure(drain(client.methods.list({ id: 'hangs' }, { timeout: 50 })))).toBeInstanceOf(
      DeadlineExceeded,
    );
    await expect.poll(() => seen.aborted).toBe(2);
  });

  it('of the call being served bounds its calls, streams too', async () => {
    const work = serving({ deadline: Date.now() + 50 }, () => failure(drain(client.methods.list({ id: 'hangs' }))));
    expect((await work).code).toBe(Code.DEADLINE_EXCEEDED);
  });

  it('that passes while the server drains says that the service was slow, not that it was out of reach', async () => {
    const draining = await serveFake(service);
    const options = { target: draining.target, timeout: '300ms' };
    const { methods, close } = createGrpcClient(KindsDefinition, options);
    const work = failure(methods.get({ id: 'hangs' }));
    await expect.poll(() => seen.begun, { interval: 5 }).toBe(1);
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
    const work = serving({ deadline: Date.now() - 1 }, () => failure(client.methods.get({})));
    expect((await work).message).toBe('There was no time left to call kinds.');
  });

  it('that is no duration is a TypeError', async () => {
    await expect(client.methods.get({}, { timeout: 'soon' })).rejects.toThrow(
      "timeout takes a duration such as '500ms' or 5000; got soon",
    );
  });
});
