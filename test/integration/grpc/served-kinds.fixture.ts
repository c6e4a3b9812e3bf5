import { type GrpcClient, createGrpcClient } from '@rookery/grpc';
import { InvalidArgument, NotFound } from '@rookery/errors';
import { fake, serveFake } from '@rookery/testing';
import { expect } from 'vitest';
import { KindsDefinition } from './kinds.fixture.js';

const until = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));

/** A server of all four kinds whose handlers do what an id says, and a client of it. */
export type ServedKinds = Awaited<ReturnType<typeof serveKinds>>;

export async function serveKinds() {
  /** What the service did, for assertions. */
  const seen = { produced: 0, received: 0, begun: 0, aborted: 0 };

  const service = fake(KindsDefinition, {
    get: async ({ id }, { signal }) => {
      if (id === 'hangs') {
        seen.begun += 1;
        await until(signal);
        seen.aborted += 1;
      }
      if (id === 'missing') throw new NotFound('no such user', { reason: 'USER_NOT_FOUND', metadata: { id } });
      return { id };
    },
    list: async function* ({ id }, { signal }) {
      const many = id === 'endless' ? Number.POSITIVE_INFINITY : 3;
      for (seen.produced = 0; seen.produced < many; seen.produced += 1) {
        yield { id: String(seen.produced), name: 'n'.repeat(1_000) };
      }
      if (id === 'fails')
        throw new InvalidArgument('in the middle', { violations: [{ field: 'id', description: 'bad' }] });
      if (id === 'hangs') await until(signal);
      if (id === 'hangs') seen.aborted += 1;
    },
    collect: async (requests, { signal }) => {
      const ids = [];
      for await (const { id } of requests) {
        ids.push(id);
        seen.received += 1;
        if (id === 'enough') return { id: ids.join() };
        if (id.startsWith('refused')) throw new NotFound('no such user');
        if (id.startsWith('slow')) await until(signal);
      }
      return { id: ids.join() };
    },
    echo: async function* (requests, { signal }) {
      for await (const { id } of requests) {
        if (id === 'refused') throw new NotFound('no such user');
        yield { id };
        if (id.startsWith('slow')) await until(signal);
      }
    },
  });

  const served = await serveFake(service);
  const client: GrpcClient<typeof KindsDefinition> = createGrpcClient(KindsDefinition, {
    target: served.target,
    timeout: '10s',
  });
  return {
    service,
    methods: client.methods,
    seen,
    /** Nothing was seen yet. */
    forget: () => void Object.assign(seen, { produced: 0, received: 0, begun: 0, aborted: 0 }),
    close: () => {
      client.close();
      served.close();
    },
  };
}

/** Waits until `count` no longer changes. */
export async function settled(count: () => number): Promise<number> {
  let before = -1;
  await expect.poll(() => [before, (before = count())].every((n) => n === before), { interval: 50 }).toBe(true);
  return before;
}
