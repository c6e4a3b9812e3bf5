import { DeadlineExceeded } from '@rookery/errors';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { callOf, timed } from '../database/database-app.fixture.js';
import { OwnRedis, Replica, bytes, heldLoad, newService } from './cache.fixture.js';

/** Long beside the moments in which a busy machine lets nobody run: what is measured is a share of it. */
const TIMEOUT = 500;
let redis: OwnRedis;
let replica: Replica;

const open = async (up = true) =>
  (replica = await Replica.open(
    newService(),
    { REDIS_URL: redis.url, CACHE_TIMEOUT: `${TIMEOUT}ms`, CACHE_MAX_LOADS: '2' },
    up,
  ));
const state = () => replica.metric('circuit_breaker_state');
const OPEN = { 'cache closed': 0 };
const CLOSED = { 'cache closed': 1, 'cache open': 0, 'cache half-open': 0 };
const get = (key: string, value: string) =>
  replica.cache.getOrLoad(key, async () => bytes(value), { tags: [`tag:${key}`] }).then(String);

beforeEach(async () => void (redis = await OwnRedis.reserve()));
afterEach(async () => {
  await replica.cache.close();
  await redis.stop();
});

it('costs the first calls its timeout when Redis freezes, then nothing; and is used again by itself', async () => {
  redis.start();
  await open();
  await get('k', 'kept');
  redis.freeze();
  const first = await Promise.all(Array.from({ length: 50 }, (_, call) => timed(get(`k${call}`, 'loaded'))));
  expect(Math.max(...first.map(({ ms }) => ms))).toBeLessThan(2 * TIMEOUT);
  expect(first.every(({ error }) => error === undefined)).toBe(true);
  expect(await state()).toMatchObject(OPEN);
  expect(await replica.cache.dependency.check()).toEqual({
    up: false,
    detail: `the cache did not answer within ${TIMEOUT} ms`,
  });

  // For as long as several probes take.
  const until = performance.now() + 5 * TIMEOUT;
  const later: number[] = [];
  while (performance.now() < until) {
    const { ms, error } = await timed(get('k', 'from the database'));
    expect(error).toBeUndefined();
    later.push(ms);
    await new Promise((resolve) => setImmediate(resolve));
  }
  later.sort((a, b) => a - b);
  expect(later[Math.floor(later.length * 0.99)]).toBeLessThan(TIMEOUT / 3);
  expect(await state()).toMatchObject(OPEN);

  redis.thaw();
  await expect.poll(state).toEqual(CLOSED);
  expect(await get('k', 'never')).toBe('kept');
  // However many probes have failed meanwhile.
  expect(await replica.metric('circuit_breaker_openings_total')).toEqual({ 'cache CacheTimeout': 1 });
  expect(replica.log).toEqual(['the cache is not asked until it answers again', 'the cache answers again']);
});

it('keeps away from Redis while that is slow, and serves nothing that was invalidated meanwhile', async () => {
  redis.start();
  await open();
  await get('k', 'old');
  redis.freeze();
  const invalidated = await timed(replica.cache.invalidate(['tag:k']));
  expect(invalidated.error).toBeUndefined();
  expect(invalidated.ms).toBeLessThan(2 * TIMEOUT);
  expect((await timed(replica.cache.invalidate(['tag:other']))).ms).toBeLessThan(TIMEOUT / 2);
  expect(await replica.metric('cache_invalidations_unsent')).toEqual({ '': 2 });
  expect(await get('k', 'new')).toBe('new');
  redis.thaw();
  await expect.poll(state).toEqual(CLOSED);
  expect(await get('k', 'newer')).toBe('newer');
  await expect.poll(() => replica.metric('cache_invalidations_unsent')).toEqual({ '': 0 });
});

it('loads so many at once without Redis; the others wait until their deadline', async () => {
  await open(false);
  const [one, two, three] = [heldLoad(), heldLoad(), heldLoad()];
  const running = [one, two].map(({ load }, call) => replica.cache.getOrLoad(`k${call}`, load));
  await Promise.all([one.begun, two.begun]);
  const late = callOf({ timeout: 100 });
  const patient = replica.cache.getOrLoad('patient', three.load);
  const { error } = await timed(late.run(() => replica.cache.getOrLoad('late', heldLoad().load)));
  expect(error).toBeInstanceOf(DeadlineExceeded);
  expect([three.loads(), await replica.metric('cache_loads_waiting')]).toEqual([0, { '': 1 }]);

  one.finish('1');
  await three.begun;
  two.finish('2');
  three.finish('3');
  expect((await Promise.all([...running, patient])).map(String)).toEqual(['1', '2', '3']);
});

it('lets a load use the cache for parts of it, however few loads may run', async () => {
  await open(false);
  const nested = (key: string) =>
    replica.cache.getOrLoad(key, () => replica.cache.getOrLoad(`${key}:part`, async () => bytes('part')));
  expect((await Promise.all(['a', 'b', 'c', 'd'].map(nested))).map(String)).toEqual(Array(4).fill('part'));
});

it('is a cache that misses while Redis is not there, loads once per key, and finds it when it comes', async () => {
  await open(false);
  const row = heldLoad();
  const calls = Array.from({ length: 100 }, () => replica.cache.getOrLoad('k', row.load));
  await row.begun;
  row.finish('value');
  expect(new Set((await Promise.all(calls)).map(String))).toEqual(new Set(['value']));
  expect(row.loads()).toBe(1);
  await expect(replica.cache.invalidate(['t'])).resolves.toBeUndefined();
  expect(await replica.cache.dependency.check()).toMatchObject({
    up: false,
    detail: expect.stringMatching(/offline|closed/),
  });

  redis.start();
  await expect.poll(state).toEqual(CLOSED);
  expect([await get('k', 'first'), await get('k', 'second')]).toEqual(['first', 'first']);
  await redis.stop();
  expect(await get('k', 'without')).toBe('without');
  redis.start();
  await expect.poll(state).toEqual(CLOSED);
  expect([await get('k', 'third'), await get('k', 'fourth')]).toEqual(['third', 'third']);
});
