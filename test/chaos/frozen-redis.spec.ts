import { randomUUID } from 'node:crypto';
import { UserServiceDefinition } from '@rookery/contracts/user/v1';
import { createGrpcClient } from '@rookery/grpc';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ChaosPlatform } from './chaos-platform.js';
import { Latencies } from './latencies.js';
import { readMetrics, sumOf } from './prometheus.js';

/** How long a call waits for the cache, in milliseconds: long enough to tell it from a busy machine's pauses. */
const CACHE_TIMEOUT = 1_000;
/** What a call may take longer on a machine that does other work; less than another timeout. */
const SLACK = 500;
/** How long Redis is frozen, in milliseconds. */
const FROZEN = 8_000;
const LOAD = { callers: 8, pause: 5 };
const USERS = 40;

let chaos: ChaosPlatform;

beforeAll(async () => {
  chaos = await ChaosPlatform.start({
    environment: { LOG_LEVEL: 'warn', CACHE_TIMEOUT: `${CACHE_TIMEOUT}ms` },
  });
});
afterAll(() => chaos?.stop());

const cached = async (result: string) =>
  sumOf(await readMetrics(chaos.platform.probes['user-service']), 'cache_requests_total', { result });

it('costs the first calls its timeout when Redis freezes under load, the others nothing, and is used again by itself', async () => {
  const { methods, close } = createGrpcClient(UserServiceDefinition, {
    target: chaos.platform.grpc['user-service'],
    timeout: 10_000,
  });
  const users = await Promise.all(
    Array.from({ length: USERS }, () => methods.createUser({ email: `${randomUUID()}@example.com`, name: 'Ada' })),
  );
  let turn = 0;
  const load = new Latencies(() => methods.getUser({ id: users[(turn += 1) % USERS]!.id }), LOAD);
  const redis = chaos.servers.redis.pid!;
  try {
    const begin = Date.now();
    await expect.poll(() => load.since(begin)).toBeGreaterThan(2_000); // the code is warm by then
    const warm = Date.now();
    await expect.poll(() => load.since(warm)).toBeGreaterThan(1_000);
    const frozen = Date.now();
    const usual = load.p99({ from: warm, to: frozen });
    process.kill(redis, 'SIGSTOP');
    await expect.poll(() => Date.now() - frozen, { timeout: 2 * FROZEN }).toBeGreaterThan(FROZEN);
    const [first, then] = [
      load.slowest({ from: frozen, to: frozen + CACHE_TIMEOUT }),
      load.p99({ from: frozen + 2 * CACHE_TIMEOUT, to: Date.now() - CACHE_TIMEOUT }),
    ];
    const hits = await cached('hit');
    process.kill(redis, 'SIGCONT');
    const thawed = Date.now();
    await expect.poll(() => cached('hit')).toBeGreaterThan(hits + 100);
    const recovered = Date.now() - thawed;
    await load.stop();
    console.log(
      `chaos: Redis frozen under load: p99 ${usual.toFixed(1)} ms before; the first calls take ${first.toFixed(1)} ms at most (CACHE_TIMEOUT ` +
        `${CACHE_TIMEOUT} ms), then p99 ${then.toFixed(1)} ms while it stays frozen; hits again ${recovered} ms after it thawed`,
    );
    expect(load.failures).toEqual([]);
    expect(first).toBeGreaterThan(CACHE_TIMEOUT / 2); // it was felt at all
    expect(first).toBeLessThan(usual + CACHE_TIMEOUT + SLACK);
    expect(then).toBeLessThan(SLACK);
  } finally {
    process.kill(redis, 'SIGCONT');
    await load.stop();
    close();
  }
});
