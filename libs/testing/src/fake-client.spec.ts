import { User, UserServiceDefinition } from '@rookery/contracts/user/v1';
import { Cancelled, DeadlineExceeded, Internal, NotFound, Unimplemented } from '@rookery/errors';
import { describe, expect, it } from 'vitest';
import { fakeClient } from './fake-client.js';

const { getUser, streamUsers } = UserServiceDefinition.methods;

/** The two kinds that no proto of the workspace has. */
const UploadDefinition = {
  name: 'UploadService',
  fullName: 'upload.v1.UploadService',
  methods: {
    upload: { ...getUser, name: 'Upload', requestStream: true },
    convert: { ...streamUsers, name: 'Convert', requestType: getUser.requestType, requestStream: true },
  },
} as const;

async function drain<T>(source: AsyncIterable<T>, into: T[] = []): Promise<T[]> {
  for await (const item of source) into.push(item);
  return into;
}

describe('a fake client', () => {
  it('gives and takes whole messages, as on the wire', async () => {
    const requests: unknown[] = [];
    const users = fakeClient(UserServiceDefinition, {
      getUser: async (request) => {
        requests.push(request);
        return { id: request.id };
      },
    });
    const reply = await users.getUser({ id: 'u-1' });
    expect(reply).toEqual(User.fromPartial({ id: 'u-1' }));
    await users.getUser({});
    expect(requests).toEqual([{ id: 'u-1' }, { id: '' }]);
  });

  it('streams either way', async () => {
    const users = fakeClient(UserServiceDefinition, { streamUsers: () => [{ id: 'a' }, { id: 'b' }] });
    expect((await drain(users.streamUsers({}))).map(({ id }) => id)).toEqual(['a', 'b']);
    const uploads = fakeClient(UploadDefinition, {
      upload: async (requests) => ({ id: (await drain(requests)).map(({ id }) => id).join() }),
      convert: async function* (requests) {
        for await (const { id } of requests) yield { id: id.toUpperCase() };
      },
    });
    expect((await uploads.upload([{ id: 'a' }, { id: 'b' }])).id).toBe('a,b');
    expect((await drain(uploads.convert([{ id: 'a' }, { id: 'b' }]))).map(({ id }) => id)).toEqual(['A', 'B']);
  });

  it('fails with what the service of that name would send', async () => {
    const users = fakeClient(UserServiceDefinition, {
      getUser: () => {
        throw new NotFound('no user', { reason: 'USER_NOT_FOUND', metadata: { id: 'u-1' } });
      },
      updateUser: () => {
        throw new Error('a secret defect');
      },
      streamUsers: function* () {
        yield { id: 'a' };
        throw new NotFound('in the middle');
      },
      deleteUser: (() => undefined) as never,
    });
    const error = await users.getUser({}).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NotFound);
    expect(error).toMatchObject({ reason: 'USER_NOT_FOUND', domain: 'user-service', metadata: { id: 'u-1' } });
    await expect(users.updateUser({})).rejects.toMatchObject({ name: 'Internal', message: 'internal error' });
    await expect(users.deleteUser({})).rejects.toThrow(Internal);
    const got: User[] = [];
    await expect(drain(users.streamUsers({}), got)).rejects.toThrow(NotFound);
    expect(got).toHaveLength(1);
  });

  it('names the method that the test has not made up', async () => {
    const users = fakeClient(UserServiceDefinition, {});
    const message = 'the fake of user.v1.UserService has no getUser: give it one to answer GetUser';
    await expect(users.getUser({})).rejects.toMatchObject({ name: 'Unimplemented', message });
    await expect(drain(users.streamUsers({}))).rejects.toThrow(Unimplemented);
  });

  it('knows deadlines and signals on both sides', async () => {
    const seen = { begun: 0, aborted: 0 };
    const users = fakeClient(UserServiceDefinition, {
      getUser: (_, { signal }) =>
        new Promise(() => {
          seen.begun += 1;
          signal.addEventListener('abort', () => (seen.aborted += 1));
        }),
    });
    await expect(users.getUser({}, { timeout: '5ms' })).rejects.toThrow(DeadlineExceeded);
    const controller = new AbortController();
    const call = users.getUser({}, { signal: controller.signal });
    await expect.poll(() => seen.begun).toBe(2);
    controller.abort();
    await expect(call).rejects.toThrow(Cancelled);
    expect(seen.aborted).toBe(2);
  });

  it('takes streams of any length', async () => {
    const uploads = fakeClient(UploadDefinition, { convert: (requests) => requests });
    const requests = Array.from({ length: 60_000 }, () => ({ id: 'a' }));
    expect(await drain(uploads.convert(requests))).toHaveLength(60_000);
  });

  it('lets the reader set the pace, and go', async () => {
    let produced = 0;
    let stopped = false;
    const users = fakeClient(UserServiceDefinition, {
      streamUsers: async function* () {
        try {
          for (;;) yield { id: String(produced++) };
        } finally {
          stopped = true;
        }
      },
    });
    for await (const { id } of users.streamUsers({})) if (id === '40') break;
    await expect.poll(() => stopped).toBe(true);
    expect(produced).toBeLessThan(100);
  });
});
