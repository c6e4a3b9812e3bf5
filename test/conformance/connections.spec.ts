import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { type Socket, connect, createServer } from 'node:net';
import type { GrpcLimits } from '@rookery/grpc';
import { callContext } from '@rookery/context';
import { afterEach, expect, it } from 'vitest';
import { reply, request } from './conformance-service.js';
import { deferred } from './deferred.js';
import { type Handlers, fourKinds } from './four-kinds.controller.js';
import { RawClient } from './raw-client.js';
import { type StartedServer, startServer } from './start-server.js';

/** What a server allows its connections, each limit set so low that a test reaches it. */
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function serve(limits: Partial<GrpcLimits>, handlers: Handlers): Promise<StartedServer> {
  const started = await startServer({ controllers: [fourKinds(handlers)], limits });
  closers.push(() => started.close());
  return started;
}

function session(address: string): ClientHttp2Session {
  const opened = connectHttp2(`http://${address}`);
  closers.push(() => opened.destroy());
  return opened;
}

const ping = (client: ClientHttp2Session) =>
  new Promise<void>((resolve, reject) => client.ping((error) => (error ? reject(error) : resolve())));

it('serves no more calls at a time on one connection than it says, and the next when one has ended', async () => {
  const gates = [deferred<void>(), deferred<void>(), deferred<void>()];
  const begun: string[] = [];
  const { address, client } = await serve(
    { maxConcurrentStreams: 2 },
    {
      unary: async ({ id }) => {
        begun.push(id);
        await gates[Number(id)]!.promise;
        return reply(id);
      },
    },
  );
  const raw = session(address);
  await once(raw, 'remoteSettings');
  expect(raw.remoteSettings.maxConcurrentStreams).toBe(2);

  const calls = ['0', '1', '2'].map((id) => client.start('unary').send(request(id)).end());
  await expect.poll(() => begun.length).toBe(2);
  gates[0]!.resolve();
  expect((await calls[0]!.answer()).code).toBe('OK');
  await expect.poll(() => begun.length).toBe(3);
  gates[1]!.resolve();
  gates[2]!.resolve();
  expect((await calls[1]!.answer()).code).toBe('OK');
  expect((await calls[2]!.answer()).code).toBe('OK');
});

it('lets go of connections that are old, without failing a call', async () => {
  const peers = new Set<string>();
  const { address } = await serve(
    { maxConnectionAge: 100, connectionAgeGrace: 5_000 },
    {
      unary: async ({ id }) => {
        peers.add((callContext() as unknown as { getPeer(): string }).getPeer());
        return reply(id);
      },
    },
  );
  // Unlike that of the other tests it may repeat, unseen, a call that the server has refused.
  const client = new RawClient(address, { 'grpc.per_rpc_retry_buffer_size': 256 * 1024 });
  closers.push(() => client.close());
  const codes = new Set<string>();
  while (peers.size < 4) codes.add((await client.start('unary').send(request('a')).end().answer()).code);
  expect([...codes]).toEqual(['OK']);
});

it('ends what an old connection still carries after its grace', async () => {
  const aborted = deferred<unknown>();
  const { client } = await serve(
    { maxConnectionAge: 50, connectionAgeGrace: 100 },
    {
      async *serverStream({ id }) {
        const { signal } = callContext()!;
        signal.addEventListener('abort', () => aborted.resolve(signal.reason));
        yield reply(id);
        await aborted.promise;
      },
    },
  );
  const call = client.start('serverStream').send(request('a')).end();
  expect((await call.next()).id).toBe('a');
  expect((await call.answer()).code).toBe('UNAVAILABLE');
  expect(await aborted.promise).toMatchObject({ name: 'Unavailable' });
});

it('cuts off a client that pings an idle connection all the time', async () => {
  const { address } = await serve({ minPingInterval: 60_000 }, {});
  const raw = session(address);
  await once(raw, 'remoteSettings');
  raw.on('error', () => undefined);
  const goaway = once(raw, 'goaway');
  let cutOff = false;
  while (!cutOff) await ping(raw).catch(() => (cutOff = true));
  const [code, , data] = (await goaway) as [number, number, Buffer];
  expect(code).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  expect(data.toString()).toBe('too_many_pings');
});

it('lets a client ping as it likes while there is something to say', async () => {
  const { address } = await serve({ minPingInterval: 60_000 }, { unary: ({ id }) => reply(id, 0, Buffer.alloc(256)) });
  const raw = session(address);
  const goaways: unknown[] = [];
  raw.on('goaway', (code) => goaways.push(code));
  for (let sent = 0; sent < 10; sent += 1) {
    const stream = raw.request({
      ':method': 'POST',
      ':path': '/conformance.v1.ConformanceService/Unary',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.end(Buffer.from([0, 0, 0, 0, 3, 10, 1, 97]));
    stream.resume();
    await once(stream, 'close');
    await ping(raw);
  }
  expect(goaways).toEqual([]);
});

it('notices that a client is gone whose network has died', async () => {
  const aborted = deferred<unknown>();
  const { address } = await serve(
    { keepaliveTime: 50, keepaliveTimeout: 100 },
    {
      unary: async () => {
        const { signal } = callContext()!;
        signal.addEventListener('abort', () => aborted.resolve(signal.reason));
        begun.resolve();
        await aborted.promise;
      },
    },
  );
  const begun = deferred<void>();
  const [host, port] = address.split(':');
  // A cable that can be cut: nobody on either side is told.
  const ends: Socket[] = [];
  const cable = createServer((near) => {
    const far = connect(Number(port), host!);
    near.pipe(far).pipe(near);
    ends.push(near, far);
    for (const end of [near, far]) end.on('error', () => undefined);
  });
  cable.listen(0, '127.0.0.1');
  await once(cable, 'listening');
  closers.push(() => {
    for (const end of ends) end.destroy();
    cable.close();
  });
  const client = new RawClient(`127.0.0.1:${(cable.address() as { port: number }).port}`);
  closers.push(() => client.close());
  client.start('unary').send(request('a')).end();
  await begun.promise;
  for (const end of ends) end.unpipe().pause();
  expect(await aborted.promise).toMatchObject({ name: 'Cancelled' });
});

it('gives a unary call without a deadline the default one', async () => {
  const aborted = deferred<unknown>();
  const { client } = await serve(
    { defaultTimeout: 80 },
    {
      unary: async () => {
        const { signal } = callContext()!;
        signal.addEventListener('abort', () => aborted.resolve(signal.reason));
        await aborted.promise;
      },
    },
  );
  const startedAt = performance.now();
  const { code, message } = await client.start('unary').send(request('a')).end().answer();
  expect([code, message]).toEqual([
    'DEADLINE_EXCEEDED',
    'the call took longer than this server allows one without a deadline',
  ]);
  expect(performance.now() - startedAt).toBeGreaterThan(75);
  expect(await aborted.promise).toMatchObject({ name: 'DeadlineExceeded' });
});
