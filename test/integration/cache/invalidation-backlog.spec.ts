import { afterEach, beforeEach, expect, it } from 'vitest';
import { OwnRedis, Replica, admin, bytes, heldLoad, newService } from './cache.fixture.js';

let redis: OwnRedis;
let service: string;
let replicas: Replica[];

const open = async (up = true, name = service) => {
  const replica = await Replica.open(name, { REDIS_URL: redis.url, CACHE_TIMEOUT: '500ms' }, up);
  replicas.push(replica);
  return replica;
};
const get = ({ cache }: Replica, value: string, tags = ['t'], key = 'k') =>
  cache.getOrLoad(key, async () => bytes(value), { tags }).then(String);
const unsent = (replica: Replica) => replica.metric('cache_invalidations_unsent').then((values) => values['']);
const tagsOf = (count: number) => Array.from({ length: count }, (_, tag) => `order:${tag}`);
/** How often Redis was asked for what. */
const commands = async (): Promise<Record<string, number>> => {
  const operator = await admin(redis.url);
  const text = String(await operator.send('INFO', 'commandstats'));
  operator.close();
  const found = text.matchAll(/^cmdstat_(\w+):calls=(\d+)/gm);
  return Object.fromEntries(Array.from(found, ([, command, calls]) => [command!, Number(calls)]));
};

beforeEach(async () => {
  redis = await OwnRedis.reserve();
  service = newService();
  replicas = [];
});
afterEach(async () => {
  await Promise.all(replicas.map(({ cache }) => cache.close()));
  await redis.stop();
});

it('sends what waited in slices, each tag once', async () => {
  const replica = await open(false);
  await get(replica, 'without the cache');
  const tags = tagsOf(5_000);
  // One by one: none of these may cost as much as there wait already.
  for (const tag of tags) await replica.cache.invalidate([tag]);
  expect(await unsent(replica)).toBe(5_000);
  redis.start();
  await expect.poll(() => unsent(replica)).toBe(0);
  expect(await commands()).toMatchObject({ unlink: 5 });
  expect(replica.log.filter((line) => line.startsWith('invalidations wait'))).toHaveLength(1);
});

it('costs an invalidation the same however many wait', async () => {
  const replica = await open(false);
  await get(replica, 'without the cache');
  const cpuOf = async (times: number) => {
    const before = process.cpuUsage();
    for (let time = 0; time < times; time += 1) await replica.cache.invalidate(['one']);
    const { user } = process.cpuUsage(before);
    return user / times;
  };
  await cpuOf(2_000);
  const few = await cpuOf(2_000);
  await replica.cache.invalidate(tagsOf(90_000));
  expect(await unsent(replica)).toBe(90_001);
  // A copy of what waits took 10,000 times as long.
  expect(await cpuOf(2_000)).toBeLessThan(20 * Math.max(few, 5));
});

it('keeps the names of so many only; then no entry with a tag is believed, of any replica', async () => {
  redis.start();
  const [one, two, stranger] = [await open(), await open(), await open(true, `${service}-other`)];
  expect([await get(one, 'old'), await get(one, 'no tags', [], 'plain')]).toEqual(['old', 'no tags']);
  await get(stranger, 'theirs');
  redis.freeze();
  await get(one, 'without the cache');
  await expect.poll(() => one.asks()).toBe(false);
  await one.cache.invalidate(['t']);
  await one.cache.invalidate(tagsOf(100_000));
  expect(await unsent(one)).toBe(100_001);
  expect(await get(one, 'new')).toBe('new');
  redis.thaw();
  await expect.poll(() => unsent(one)).toBe(0);
  expect((await commands()).scan).toBeGreaterThan(0);
  await expect.poll(() => two.asks()).toBe(true);
  expect(await get(two, 'newer')).toBe('newer');
  expect([await get(one, 'never'), await get(one, 'never', [], 'plain')]).toEqual(['newer', 'no tags']);
  await expect.poll(() => stranger.asks()).toBe(true);
  expect(await get(stranger, 'never')).toBe('theirs');
});

it('loads once per key without Redis while other things change, and anew when its own do', async () => {
  const { cache, ...replica } = await open(false);
  await get({ cache, ...replica } as Replica, 'without the cache', ['x'], 'x');
  const [old, next] = [heldLoad(), heldLoad()];
  const first = cache.getOrLoad('k', old.load, { tags: ['t'] });
  await old.begun;
  await cache.invalidate(['another']);
  const second = cache.getOrLoad('k', old.load, { tags: ['t'] });
  await cache.invalidate(['t']);
  const third = cache.getOrLoad('k', next.load, { tags: ['t'] });
  await next.begun;
  old.finish('old');
  next.finish('new');
  expect((await Promise.all([first, second, third])).map(String)).toEqual(['old', 'old', 'new']);
  expect(old.loads()).toBe(1);
});

it('sends what waits a last time when the service stops, though the breaker is still open', async () => {
  redis.start();
  const [one, two] = [await open(), await open()];
  expect(await get(one, 'old')).toBe('old');
  redis.freeze();
  await get(one, 'without the cache', [], 'other');
  expect(await one.asks()).toBe(false);
  await one.cache.invalidate(['t']);
  redis.thaw();
  await one.cache.close();
  expect(one.log.filter((line) => line.includes('lost'))).toEqual([]);
  await expect.poll(() => two.asks()).toBe(true);
  expect(await get(two, 'new')).toBe('new');
});

it('says how many are lost when they cannot be sent', async () => {
  const replica = await open(false);
  await get(replica, 'without the cache');
  await replica.cache.invalidate(['t', 'u']);
  await replica.cache.close();
  expect(replica.log).toContain('invalidations are lost: what they are about is served until its TTL ends');
});
