import { GrpcNotFoundException, ServerGrpc } from '@nestjs/microservices';
import { callContext } from '@rookery/context';
import { NotFound } from '@rookery/errors';
import { EMPTY, NEVER, Observable, from } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { LOADER_OPTIONS, PROTO_FILE, type Reply, reply } from './conformance-service.js';
import { deferred } from './deferred.js';
import { fourKinds } from './four-kinds.controller.js';
import { type PlainHandlers, type StartedPlainNest, startPlainNest } from './plain-nest.js';
import type { RawClient } from './raw-client.js';
import { type StartedServer, startServer } from './start-server.js';

/**
 * Why Rookery does not use Nest's own gRPC transport: each of its defects in one scenario, run on both. When one of the
 * `plain` halves fails, Nest has mended it, and what Rookery does about it may go.
 */
let plain: StartedPlainNest | undefined;
let rookery: StartedServer | undefined;
afterEach(async () => {
  await plain?.close();
  await rookery?.close();
  plain = undefined;
  rookery = undefined;
});

async function onBoth(handlers: PlainHandlers, options?: { gracefulShutdown?: boolean }) {
  plain = await startPlainNest(handlers, options);
  rookery = await startServer({ controllers: [fourKinds(handlers)] });
  return { plain: plain.client, rookery: rookery.client };
}

describe('errors', () => {
  it('what a handler throws is UNKNOWN on plain Nest, unless it is an RpcException', async () => {
    const clients = await onBoth({ unary: () => Promise.reject(new NotFound('gone')) });
    expect(await clients.plain.call('unary')).toMatchObject({ code: 'UNKNOWN' });
    expect(await clients.rookery.call('unary')).toMatchObject({ code: 'NOT_FOUND', message: 'gone' });
  });

  it('Nest’s own gRPC exceptions lose their code on plain Nest, whose filter for them is opt-in', async () => {
    const clients = await onBoth({ unary: () => Promise.reject(new GrpcNotFoundException('gone')) });
    expect(await clients.plain.call('unary')).toMatchObject({ code: 'UNKNOWN' });
    expect(await clients.rookery.call('unary')).toMatchObject({ code: 'NOT_FOUND', message: 'gone' });
  });

  it('no details are sent by plain Nest', async () => {
    const clients = await onBoth({ unary: () => Promise.reject(new NotFound('gone', { reason: 'WHY' })) });
    expect((await clients.plain.call('unary')).details).toEqual({});
    expect((await clients.rookery.call('unary')).details).toMatchObject({ ErrorInfo: { reason: 'WHY' } });
  });
});

describe('replies', () => {
  it('an Observable that completes empty leaves the caller of plain Nest hanging', async () => {
    const clients = await onBoth({ unary: () => EMPTY });
    const patient = { timeout: 300 };
    expect(await clients.plain.call('unary', { id: 'x' }, patient)).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(await clients.rookery.call('unary', { id: 'x' }, { timeout: 5_000 })).toMatchObject({ code: 'INTERNAL' });
  });

  it('a missing reply of plain Nest tells the caller of its insides', async () => {
    const clients = await onBoth({ unary: async () => undefined });
    const told = { code: 'INTERNAL', message: 'Error serializing response', details: {} };
    expect(await clients.plain.call('unary')).toMatchObject(told);
    expect(await clients.rookery.call('unary')).toMatchObject({ code: 'INTERNAL', message: 'internal error' });
  });

  it('an async generator is no stream on plain Nest', async () => {
    const clients = await onBoth({
      async *serverStream() {
        yield reply('x', 1);
        yield reply('x', 2);
      },
    });
    expect((await clients.plain.call('serverStream')).replies).not.toEqual([reply('x', 1), reply('x', 2)]);
    expect((await clients.rookery.call('serverStream')).replies).toEqual([reply('x', 1), reply('x', 2)]);
  });
});

describe('deadlines and cancellation', () => {
  /** Whether a unary handler's work has been ended by the time its server has answered a later call. */
  async function leftAfter(
    client: RawClient,
    end: 'deadline' | 'cancel',
    work: { begun: Promise<void>; left(): boolean },
  ) {
    const call = client
      .start('unary', end === 'deadline' ? { timeout: 150 } : {})
      .send({ id: 'x' })
      .end();
    await work.begun;
    if (end === 'cancel') call.cancel();
    await call.answer();
    for (let turn = 0; turn < 20; turn += 1) await client.call('acknowledge');
    return work.left();
  }

  it.each(['deadline', 'cancel'] as const)('a unary handler of plain Nest works on after the %s', async (end) => {
    const runs = [0, 1].map(() => ({ begun: deferred(), ended: false }));
    let run = 0;
    const clients = await onBoth({
      unary: () => {
        const now = runs[run++]!;
        return new Observable(() => {
          now.begun.resolve();
          return () => (now.ended = true);
        });
      },
      acknowledge: () => ({}),
    });
    const work = runs.map(({ begun }, index) => ({ begun: begun.promise, left: () => runs[index]!.ended }));
    expect(await leftAfter(clients.plain, end, work[0]!)).toBe(false);
    expect(await leftAfter(clients.rookery, end, work[1]!)).toBe(true);
  });

  it('a handler of plain Nest has no signal and no deadline to look at', async () => {
    const seen: unknown[] = [];
    const clients = await onBoth({
      unary: () => (
        seen.push([callContext()?.signal !== undefined, callContext()?.deadline !== undefined]),
        reply('x')
      ),
    });
    await clients.plain.call('unary', { id: 'x' }, { timeout: 5_000 });
    await clients.rookery.call('unary', { id: 'x' }, { timeout: 5_000 });
    expect(seen).toEqual([
      [false, false],
      [true, true],
    ]);
  });
});

it('a slow reader of plain Nest does not pause the producer', async () => {
  const TOTAL = 20_000;
  let made = 0;
  async function* produce(): AsyncGenerator<Reply> {
    for (let number = 1; number <= TOTAL; number += 1) yield ((made += 1), reply('x', number, Buffer.alloc(1_000)));
  }
  // Observables are the only streams that plain Nest knows; this one would wait for whoever asked it to.
  plain = await startPlainNest({ serverStream: () => from(produce()), acknowledge: () => ({}) });
  rookery = await startServer({ controllers: [fourKinds({ serverStream: produce, acknowledge: () => ({}) })] });
  const madeFor = async (client: RawClient) => {
    made = 0;
    const call = client.start('serverStream').send({ id: 'x' }).end();
    for (let number = 1; number <= 5; number += 1) expect((await call.next()).number).toBe(number);
    for (let turn = 0; turn < 50; turn += 1) await client.call('acknowledge');
    const count = made;
    call.cancel();
    return count;
  };
  expect(await madeFor(plain.client)).toBe(TOTAL);
  expect(await madeFor(rookery.client)).toBeLessThan(305);
});

describe('stopping', () => {
  const running = () => {
    const begun = deferred();
    const goOn = deferred();
    const unary = async () => {
      begun.resolve();
      await goOn.promise;
      return reply('x');
    };
    return { begun: begun.promise, finish: () => goOn.resolve(), unary };
  };

  it('cuts off the calls of plain Nest', async () => {
    const onPlain = running();
    const onRookery = running();
    plain = await startPlainNest({ unary: onPlain.unary });
    rookery = await startServer({ controllers: [fourKinds({ unary: onRookery.unary })] });
    const cut = plain.client.call('unary');
    await onPlain.begun;
    await plain.app.close();
    onPlain.finish();
    expect((await cut).code).not.toBe('OK');
    const kept = rookery.client.call('unary');
    await onRookery.begun;
    const closed = rookery.server.close();
    onRookery.finish();
    expect(await kept).toMatchObject({ code: 'OK' });
    await closed;
  });

  it('of plain Nest with gracefulShutdown waits for a stream that does not end', async () => {
    const clients = await onBoth({ serverStream: () => NEVER }, { gracefulShutdown: true });
    const options = { timeout: 2_500 };
    const onPlain = clients.plain.call('serverStream', { id: 'x' }, options);
    const onRookery = clients.rookery.call('serverStream', { id: 'x' }, options);
    await Promise.all([clients.plain.call('unserved'), clients.rookery.call('unserved')]);
    const closed = Promise.all([plain!.app.close(), rookery!.server.close()]);
    // One client is told to go elsewhere; the other one waits for as long as it can.
    expect(await onRookery).toMatchObject({ code: 'UNAVAILABLE', details: { ErrorInfo: { reason: 'SHUTTING_DOWN' } } });
    expect(await onPlain).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await closed;
  });
});

it('a port that plain Nest has chosen cannot be read back', async () => {
  const transport = new ServerGrpc({
    url: '127.0.0.1:0',
    package: 'conformance.v1',
    protoPath: PROTO_FILE,
    loader: LOADER_OPTIONS,
  });
  await new Promise<void>((resolve) => void transport.listen(() => resolve()));
  expect(() => transport.unwrap()).toThrow('not supported for gRPC');
  expect(() => transport.status).toThrow('not supported');
  await transport.close();
  rookery = await startServer({ controllers: [fourKinds({})] });
  expect(rookery.server.port).toBeGreaterThan(0);
});
