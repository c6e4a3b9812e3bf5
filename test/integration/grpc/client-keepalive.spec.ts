import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { Unavailable } from '@rookery/errors';
import { createGrpcClient } from '@rookery/grpc';
import { fake, serveFake } from '@rookery/testing';
import { expect, it } from 'vitest';
import { KindsDefinition, drain, failure } from './kinds.fixture.js';

/** A network between a client and `port` that can go silent, as one does whose cable is cut: no byte, no end. */
async function network(port: number) {
  const sockets: Socket[] = [];
  let silent = false;
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    sockets.push(near, far);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (bytes) => silent || to.write(bytes));
      from.on('error', () => undefined);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    target: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: () => (silent = true),
    mend: () => (silent = false),
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

it('finds a dead connection while calls run, fails them with UNAVAILABLE and opens another one', async () => {
  const served = await serveFake(
    fake(KindsDefinition, {
      get: ({ id }) => ({ id }),
      list: async function* (_, { signal }) {
        yield { id: 'first' };
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    }),
  );
  const cable = await network(served.port);
  const client = createGrpcClient(KindsDefinition, {
    target: cable.target,
    timeout: '10s',
    channel: { 'grpc.keepalive_time_ms': 100, 'grpc.keepalive_timeout_ms': 100 },
  });
  const got: unknown[] = [];
  const stream = failure(drain(client.methods.list({}), got));
  await expect.poll(() => got.length).toBe(1);
  cable.cut();
  // The stream has no deadline: without keepalive it waited for ever.
  expect(await stream).toBeInstanceOf(Unavailable);
  cable.mend();
  expect(await client.methods.get({ id: 'x' })).toMatchObject({ id: 'x' });
  client.close();
  cable.close();
  served.close();
});
