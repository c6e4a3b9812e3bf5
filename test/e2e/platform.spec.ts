import { afterAll, beforeAll, describe, expect, inject } from 'vitest';
import { badInputContract } from './bad-input.contract.js';
import { notificationsContract } from './notifications.contract.js';
import { ordersContract } from './orders.contract.js';
import { PlatformClient } from './platform-client.js';
import { startDistributed, startEmbedded } from './topologies.js';
import { usersContract } from './users.contract.js';
import { waysInContract } from './ways-in.contract.js';

const servers = { databaseUrl: inject('databaseUrl'), redisUrl: inject('redisUrl'), natsUrl: inject('natsUrl') };

/** Starting a platform is what takes long here, so all that is asked of a topology is asked of the same one. */
describe.each([
  { topology: 'embedded, one process', start: () => startEmbedded() },
  { topology: 'a process for each service, on real servers', start: () => startDistributed(servers) },
])('$topology', ({ start }) => {
  let client: PlatformClient;
  beforeAll(async () => {
    client = new PlatformClient(await start());
  });
  afterAll(async () => {
    const { platform } = client;
    expect(await platform.stop()).toEqual([...platform.processes].map(() => 0));
  });

  usersContract(() => client);
  ordersContract(() => client);
  notificationsContract(() => client);
  badInputContract(() => client);
  waysInContract(() => client);
});
