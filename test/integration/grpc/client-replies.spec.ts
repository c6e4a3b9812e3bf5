import { User } from '@rookery/contracts/user/v1';
import { InvalidArgument, NotFound, Unavailable } from '@rookery/errors';
import { createGrpcClient } from '@rookery/grpc';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KindsDefinition, drain, failure } from './kinds.fixture.js';
import { type ServedKinds, serveKinds, settled } from './served-kinds.fixture.js';

let kinds: ServedKinds;
beforeAll(async () => (kinds = await serveKinds()));
afterEach(() => kinds.forget());
afterAll(() => kinds.close());

describe('replies', () => {
  it('come as a promise or one by one, as the kind says', async () => {
    const { get, list, collect, echo } = kinds.methods;
    const ids = (users: User[]) => users.map(({ id }) => id);
    expect(await get({ id: 'x' })).toEqual(User.fromPartial({ id: 'x' }));
    expect(ids(await drain(list({})))).toEqual(['0', '1', '2']);
    expect((await collect([{ id: 'a' }, { id: 'b' }])).id).toBe('a,b');
    expect(ids(await drain(echo([{ id: 'a' }, { id: 'b' }])))).toEqual(['a', 'b']);
    expect(await drain(echo([]))).toEqual([]);
  });

  it('are read in the order of the readers', async () => {
    const stream = kinds.methods.list({})[Symbol.asyncIterator]();
    const results = await Promise.all([stream.next(), stream.next(), stream.next(), stream.next()]);
    expect(results.map(({ done, value }) => done || (value as User).id)).toEqual(['0', '1', '2', true]);
  });
});

describe('an error', () => {
  it('is the one that the service threw, with its details and the caller in its stack', async () => {
    const error = await failure(
      (async function theCaller() {
        await kinds.methods.get({ id: 'missing' });
      })(),
    );
    expect(error).toBeInstanceOf(NotFound);
    expect(error).toMatchObject({ reason: 'USER_NOT_FOUND', domain: 'kinds', metadata: { id: 'missing' } });
    expect(error.stack).toContain('theCaller');
  });

  it('comes after the replies that were sent before it', async () => {
    const got: User[] = [];
    const error = await failure(drain(kinds.methods.list({ id: 'fails' }), got));
    expect(error).toBeInstanceOf(InvalidArgument);
    expect(error).toMatchObject({ violations: [{ field: 'id', description: 'bad' }] });
    expect(got).toHaveLength(3);
  });

  it('reaches the callers of methods with many requests, too', async () => {
    expect(await failure(kinds.methods.collect([{ id: 'refused' }]))).toBeInstanceOf(NotFound);
    expect(await failure(drain(kinds.methods.echo([{ id: 'refused' }])))).toBeInstanceOf(NotFound);
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

describe('a reader', () => {
  it('who leaves cancels the call', async () => {
    for await (const { id } of kinds.methods.list({ id: 'hangs' })) if (id === '1') break;
    await expect.poll(() => kinds.seen.aborted).toBe(1);
  });

  it('who leaves while waiting for a reply does not wait on', async () => {
    const stream = kinds.methods.list({ id: 'hangs' })[Symbol.asyncIterator]();
    for (let n = 0; n < 3; n += 1) await stream.next();
    const waiting = stream.next();
    await stream.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await expect.poll(() => kinds.seen.aborted).toBe(1);
  });

  it('who never begins costs no call', async () => {
    const stream = kinds.methods.list({ id: 'hangs' })[Symbol.asyncIterator]();
    await stream.return?.();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(kinds.seen.produced).toBe(0);
  });

  it('who stops pauses the server', async () => {
    const stream = kinds.methods.list({ id: 'endless' })[Symbol.asyncIterator]();
    await stream.next();
    const produced = await settled(() => kinds.seen.produced);
    expect(produced).toBeLessThan(500);
    // Who reads on gets all of them.
    for (let n = 1; n < 2_000; n += 1) expect(((await stream.next()).value as User).id).toBe(String(n));
    await stream.return?.();
  });
});
