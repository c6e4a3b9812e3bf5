import { afterEach, beforeEach, expect, it } from 'vitest';
import { callOf } from '../database/database-app.fixture.js';
import { OwnRedis, Replica, admin, bytes, heldLoad, newService } from './cache.fixture.js';

let redis: OwnRedis;
let operator: Awaited<ReturnType<typeof admin>>;
let service: string;
let replicas: Replica[];

/** Its leases last longer than the test: whoever waits for one that is not given back waits in vain. */
const open = async (timeout = '150ms') => {
  const variables = { REDIS_URL: redis.url, CACHE_TIMEOUT: timeout, CACHE_LEASE: '5m' };
  const replica = await Replica.open(service, variables);
  replicas.push(replica);
  return replica;
};
const leases = async () => (await operator.keys(`${service}:lease:*`)).length;
const get = ({ cache }: Replica, key: string, value: string) =>
  cache.getOrLoad(key, async () => bytes(value)).then(String);

beforeEach(async () => {
  redis = await OwnRedis.reserve();
  redis.start();
  service = newService();
  replicas = [];
  await open();
  operator = await admin(redis.url);
});
afterEach(async () => {
  operator.close();
  await Promise.all(replicas.map(({ cache }) => cache.close()));
  await redis.stop();
});

it('gives a lease back that Redis grants after nobody waits for its answer any more', async () => {
  const [one, other] = [replicas[0]!, await open()];
  await operator.send('CLIENT', 'PAUSE', '60000', 'WRITE');
  expect(await get(one, 'k', 'without the cache')).toBe('without the cache');
  expect(await one.asks()).toBe(false);
  await operator.send('CLIENT', 'UNPAUSE');
  await expect.poll(() => one.asks()).toBe(true);
  expect(await get(other, 'k', 'loaded')).toBe('loaded');
  expect(await get(one, 'k', 'never')).toBe('loaded');
  await expect.poll(leases).toBe(0);
});

it('gives a lease back that it could not while Redis was away', async () => {
  const [one, other] = [replicas[0]!, await open()];
  const row = heldLoad();
  const loading = one.cache.getOrLoad('k', row.load);
  await row.begun;
  redis.freeze();
  await get(one, 'other', 'without the cache');
  expect(await one.asks()).toBe(false);
  row.finish('not stored');
  await loading;
  redis.thaw();
  await expect.poll(() => one.asks()).toBe(true);
  expect(await get(other, 'k', 'loaded')).toBe('loaded');
  expect(await leases()).toBe(0);
});

it('begins no load, and keeps no lease, when all have left before its turn', async () => {
  const one = await open('10s');
  await operator.send('CLIENT', 'PAUSE', '60000', 'WRITE');
  const call = callOf();
  const row = heldLoad();
  const leaving = call.run(() => one.cache.getOrLoad('k', row.load));
  await expect.poll(() => operator.send('INFO', 'clients').then(String)).toMatch(/^blocked_clients:1/m);
  call.cancel();
  await expect(leaving).rejects.toBe(call.left);
  await operator.send('CLIENT', 'UNPAUSE');
  expect(await get(one, 'k', 'next')).toBe('next');
  expect([row.loads(), await leases()]).toEqual([0, 0]);
});
