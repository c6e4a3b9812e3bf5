import dns from 'node:dns';
import { Unavailable } from '@rookery/errors';
import { createGrpcClient } from '@rookery/grpc';
import { type ServeFakeOptions, type ServedFake, fake, serveFake } from '@rookery/testing';
import { afterEach, expect, it, vi } from 'vitest';
import { KindsDefinition } from './kinds.fixture.js';

/** A second address of this machine, so that two replicas can have one port as they have in a cluster. */
const OTHER_LOOPBACK = process.platform === 'linux' ? '127.0.0.2' : '::1';

interface Replica extends ServedFake {
  calls: number;
  /** The addresses of its clients' connections. */
  readonly connections: Set<string>;
}

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) cleanUp();
});

async function replica(options: ServeFakeOptions = {}): Promise<Replica> {
  const seen = { calls: 0, connections: new Set<string>() };
  const answer = ({ id }: { id: string }, { peer }: { peer: string }) => {
    seen.calls += 1;
    seen.connections.add(peer);
    return { id };
  };
  const served = await serveFake(fake(KindsDefinition, { create: answer }), options);
  cleanUps.push(() => served.close());
  return Object.assign(seen, served);
}

/** Calls without pause until it is stopped. `create` is not retried by policy: what gets lost is seen. */
function callers(target: string, channel = {}) {
  const client = createGrpcClient(KindsDefinition, { target, timeout: '10s', channel });
  cleanUps.push(() => client.close());
  const outcome = { succeeded: 0, failures: [] as unknown[] };
  let running = true;
  const work = Array.from({ length: 32 }, async (_, id) => {
    while (running) {
      try {
        await client.methods.create({ id: String(id) });
        outcome.succeeded += 1;
      } catch (error) {
        outcome.failures.push(error);
      }
    }
  });
  const stop = () => {
    running = false;
    return Promise.all(work);
  };
  cleanUps.push(() => void stop());
  return { ...client, outcome, stop };
}

/** Waits until each replica has got `count` calls more. */
async function served(count: number, ...replicas: Replica[]): Promise<void> {
  const before = replicas.map(({ calls }) => calls);
  await expect.poll(() => replicas.every(({ calls }, index) => calls >= before[index]! + count)).toBe(true);
}

const both = (a: Replica, b: Replica) => `ipv4:${a.target},${b.target}`;

it('spreads calls evenly over the addresses of a target', async () => {
  const [a, b] = [await replica(), await replica()];
  const client = createGrpcClient(KindsDefinition, { target: both(a, b), timeout: '10s' });
  cleanUps.push(() => client.close());
  // A connection is used as soon as it stands; from then on each gets every second call.
  await expect.poll(() => client.methods.create({}).then(() => Math.min(a.calls, b.calls))).toBeGreaterThan(0);
  [a.calls, b.calls] = [0, 0];
  for (let call = 0; call < 100; call += 1) await client.methods.create({});
  expect([a.calls, b.calls]).toEqual([50, 50]);
});

it('loses no call when a replica stops gracefully, and finds it again when it is back', async () => {
  const [a, b] = [await replica(), await replica()];
  const { outcome, stop } = callers(both(a, b));
  await served(200, a, b);
  await a.drain();
  await served(200, b);
  const back = await replica({ port: a.port });
  await served(200, back, b);
  await stop();
  expect(outcome.failures).toEqual([]);
});

it('has calls wait for a moment while the only replica is replaced', async () => {
  const old = await replica();
  const { outcome, stop } = callers(old.target);
  await served(200, old);
  await old.drain();
  await served(200, await replica({ port: old.port }));
  await stop();
  expect(outcome.failures).toEqual([]);
});

it('fails calls at once when no replica has come for a moment, until there is one', async () => {
  const old = await replica();
  const client = createGrpcClient(KindsDefinition, { target: old.target, timeout: '10s' });
  cleanUps.push(() => client.close());
  await client.methods.create({});
  await old.drain();
  await expect(client.methods.create({})).rejects.toThrow(Unavailable);
  const begun = performance.now();
  for (let call = 0; call < 10; call += 1) await expect(client.methods.create({})).rejects.toThrow(Unavailable);
  // Ten that wait would take 5 s.
  expect(performance.now() - begun).toBeLessThan(1_000);

  const back = await replica({ port: old.port });
  await expect.poll(() => client.methods.create({}).catch(() => undefined), { timeout: 5_000 }).toBeDefined();
  await back.drain();
  await Promise.all([client.methods.create({}), replica({ port: old.port })]);
});

/** Of one replica only: a call that both refuse in the same instant fails, because gRPC sends a refused call once more. */
const AGEING = { 'grpc.max_connection_age_ms': 300, 'grpc.max_connection_age_grace_ms': 5_000 };

it('loses no call when connections reach their age, again and again', async () => {
  const [a, b] = [await replica({ server: AGEING }), await replica()];
  const { outcome, stop } = callers(both(a, b));
  await expect.poll(() => a.connections.size).toBeGreaterThan(4);
  await stop();
  expect(outcome.failures).toEqual([]);
  expect(outcome.succeeded).toBe(a.calls + b.calls);
  expect(b.connections.size).toBe(1);
});

it('follows a DNS name: a new replica gets calls at the next end of a connection, one that goes is not missed', async () => {
  const a = await replica({ server: AGEING });
  const addresses = ['127.0.0.1'];
  const lookup = vi.spyOn(dns.promises, 'lookup') as unknown as ReturnType<typeof vi.fn>;
  cleanUps.push(() => lookup.mockRestore());
  lookup.mockImplementation(async () =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
  );
  const { outcome, stop } = callers(`dns:///replicas:${a.port}`, { 'grpc.dns_min_time_between_resolutions_ms': 50 });
  await served(100, a);

  const b = await replica({ host: OTHER_LOOPBACK, port: a.port });
  addresses.push(OTHER_LOOPBACK);
  await served(100, a, b);

  addresses.shift();
  await a.drain();
  await served(100, b);
  await stop();
  expect(lookup).toHaveBeenCalledWith('replicas', { all: true });
  expect(outcome.failures).toEqual([]);
});
