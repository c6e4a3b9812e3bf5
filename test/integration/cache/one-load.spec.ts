import { NotFound } from '@rookery/errors';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Replica, admin, bytes, heldLoad, newService } from './cache.fixture.js';

const LEASE = 400;
let replicas: Replica[];
let service: string;

const open = async (count: number, lease = `${LEASE}ms`) => {
  service = newService();
  const variables = { CACHE_LEASE: lease };
  replicas = await Promise.all(Array.from({ length: count }, () => Replica.open(service, variables)));
  return replicas;
};

beforeEach(() => (replicas = []));
afterEach(() => Promise.all(replicas.map(({ cache }) => cache.close())));

it('loads once for a thousand concurrent misses of three replicas', async () => {
  await open(3, '1m');
  let loads = 0;
  const row = heldLoad();
  const load = () => ((loads += 1), row.load());
  const calls = Array.from({ length: 1_000 }, (_, call) =>
    replicas[call % 3]!.cache.getOrLoad('k', load, { tags: ['a', 'b'] }),
  );
  await row.begun;
  // The two that have no lease are waiting.
  const waits = () => Promise.all(replicas.map((replica) => replica.metric('cache_lease_waits_total')));
  await expect.poll(async () => (await waits()).filter(({ '': count = 0 }) => count > 0).length).toBeGreaterThan(1);
  row.finish('value');
  expect(new Set((await Promise.all(calls)).map(String))).toEqual(new Set(['value']));
  expect(loads).toBe(1);
  const counted = await Promise.all(replicas.map((replica) => replica.metric('cache_requests_total')));
  expect(counted.map(({ miss = 0, wait = 0 }) => miss + wait)).toEqual([334, 333, 333]);
});

it('tells the waiting replicas that there is nothing', async () => {
  const [first, second] = await open(2);
  let loads = 0;
  const load = async (): Promise<Buffer> => {
    loads += 1;
    throw new NotFound('no k', { reason: 'K_NOT_FOUND' });
  };
  const results = await Promise.allSettled([first!, second!].map(({ cache }) => cache.getOrLoad('k', load)));
  for (const result of results)
    expect(result).toMatchObject({ reason: { constructor: NotFound, reason: 'K_NOT_FOUND' } });
  expect(loads).toBe(1);
});

it('hands the lease on at once when its holder fails', async () => {
  const [first, second] = await open(2);
  let failed: Promise<Uint8Array> | undefined;
  let fail = () => {};
  const begun = new Promise<void>((begin) => {
    const failing = () =>
      new Promise<Buffer>((_, reject) => ((fail = () => reject(new Error('no connection'))), begin()));
    failed = first!.cache.getOrLoad('k', failing);
  });
  await begun;
  const startedAt = performance.now();
  const next = second!.cache.getOrLoad('k', async () => bytes('second'));
  fail();
  await expect(failed).rejects.toThrow('no connection');
  expect(String(await next)).toBe('second');
  expect(performance.now() - startedAt).toBeLessThan(LEASE / 2);
});

it('loads itself when the holder of the lease has died', async () => {
  const [first, second] = await open(2);
  const dying = heldLoad();
  const lost = first!.cache.getOrLoad('k', dying.load);
  await dying.begun;
  await first!.cache.close();
  const startedAt = performance.now();
  expect(String(await second!.cache.getOrLoad('k', async () => bytes('second')))).toBe('second');
  const ms = performance.now() - startedAt;
  expect(ms).toBeGreaterThan(LEASE / 2);
  expect(ms).toBeLessThan(2 * LEASE);
  dying.finish('late');
  expect(String(await lost)).toBe('late');
});

it('does not give back a lease that has become another replica’s', async () => {
  const [first, second, third] = await open(3);
  const [slow, next] = [heldLoad(), heldLoad()];
  const one = first!.cache.getOrLoad('k', slow.load);
  await slow.begun;
  const two = second!.cache.getOrLoad('k', next.load);
  await next.begun;
  slow.finish('first');
  expect(String(await one)).toBe('first');
  // The value of the first is there; the second still holds its own lease.
  expect(await leases()).toBe(1);
  expect(String(await third!.cache.getOrLoad('k', async () => bytes('third')))).toBe('first');
  next.finish('second');
  expect(String(await two)).toBe('second');
});

async function leases(): Promise<number> {
  const operator = await admin();
  const keys = await operator.keys(`${service}:lease:*`);
  operator.close();
  return keys.length;
}
