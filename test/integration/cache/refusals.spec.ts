import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { Replica, admin, bytes, heldLoad, newService } from './cache.fixture.js';

const REFUSED = 'the cache answers, and refuses what it is asked';
let operator: Awaited<ReturnType<typeof admin>>;
let service: string;
let replica: Replica;

const acl = (...rules: string[]) => operator.send('ACL', 'SETUSER', service, ...rules);
const get = (value: string, key = 'k') =>
  replica.cache.getOrLoad(key, async () => bytes(value), { tags: ['t'] }).then(String);
const leases = async () => (await operator.keys(`${service}:lease:*`)).length;

/** Leases last longer than the test: whoever waits for one waits in vain. */
beforeEach(async () => {
  service = newService();
  operator = await admin();
  await acl('on', '>secret', '~*', '&*', '+@all');
  const url = inject('redisUrl').replace('redis://', `redis://${service}:secret@`);
  replica = await Replica.open(service, { REDIS_URL: url, CACHE_LEASE: '5m' });
});
afterEach(async () => {
  await replica.cache.close();
  await operator.send('ACL', 'DELUSER', service);
  operator.close();
});

it('says at once, once, what Redis refuses, and waits for no lease meanwhile', async () => {
  await acl('-eval');
  for (const times of [1, 2, 3, 4]) {
    expect(await get(`${times}`)).toBe(`${times}`);
    await expect.poll(() => replica.metric('cache_refusals_total')).toMatchObject({ store: times });
  }
  expect(replica.log.filter((line) => line === REFUSED)).toHaveLength(2);
  expect(await replica.cache.dependency.check()).toEqual({
    up: false,
    detail: expect.stringMatching(/^it refuses to store: NOPERM .*eval/),
  });
  // The first call had taken one before it knew.
  expect(await leases()).toBe(1);

  await acl('+eval');
  // It stores again, what is left is the lease that it could not give back: its own, so it is not waited for.
  expect(await get('5')).toBe('5');
  expect(await get('never')).toBe('5');
  await replica.cache.invalidate(['t']);
  expect(await get('6', 'other')).toBe('6');
  await expect.poll(() => replica.cache.dependency.check()).toEqual({ up: true });
});

it('takes over its own lease that it could not give back', async () => {
  await acl('-unlink');
  const failing = () => replica.cache.getOrLoad('k', () => Promise.reject(new Error('no row')));
  await expect(failing()).rejects.toThrow('no row');
  expect(await leases()).toBe(1);
  const row = heldLoad();
  const loading = replica.cache.getOrLoad('k', row.load);
  await row.begun;
  row.finish('v');
  expect(String(await loading)).toBe('v');
});
