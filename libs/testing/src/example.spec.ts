import { UserServiceDefinition } from '@rookery/contracts/user/v1';
import { FailedPrecondition, NotFound, Unavailable } from '@rookery/errors';
import { fakeClient, faulty } from '@rookery/testing';
import { expect, it } from 'vitest';
import { UserDirectory } from '../../../apps/order-service/src/user-directory.js';

const users = fakeClient(UserServiceDefinition, {
  getUser: ({ id }) => {
    if (id !== 'ada') throw new NotFound(`no user ${id}`);
    return { id, name: 'Ada' };
  },
});

it('knows who exists', async () => {
  const directory = new UserDirectory(users);
  await directory.mustExist('ada');
  await expect(directory.mustExist('bob')).rejects.toThrow(FailedPrecondition);
});

it('does not take an outage for a missing user', async () => {
  const down = new Unavailable('user-service is down');
  const directory = new UserDirectory(faulty(users, { getUser: { error: down, times: 1 } }));
  await expect(directory.mustExist('ada')).rejects.toBe(down);
  await directory.mustExist('ada');
});
