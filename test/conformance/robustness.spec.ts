import { type ClientHttp2Session, connect } from 'node:http2';
import { Metadata } from '@grpc/grpc-js';
import { Catch, type ExceptionFilter, createParamDecorator } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { callContext } from '@rookery/context';
import { NotFound, Unauthenticated } from '@rookery/errors';
import { GrpcController, type ServerCall } from '@rookery/grpc';
import { Observable, Subject, throwError } from 'rxjs';
import { afterEach, expect, it } from 'vitest';
import { ConformanceDefinition, RequestDto, reply } from './conformance-service.js';
import { deferred } from './deferred.js';
import { type Handlers, fourKinds } from './four-kinds.controller.js';
import { type Served, type StartedServer, startServer } from './start-server.js';

/** What a handler or a client does wrong ends its own call, and nothing else: not the process, and not the stop. */
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function serve(handlers: Handlers, served: Partial<Served> = {}): Promise<StartedServer> {
  const started = await startServer({ controllers: [fourKinds(handlers)], ...served });
  closers.push(() => started.close());
  return started;
}

/** A client that opens a stream by hand and may stop reading it. */
function openByHand(address: string, rpc: string, timeout?: string) {
  const session: ClientHttp2Session = connect(`http://${address}`);
  session.on('error', () => undefined);
  closers.push(() => session.destroy());
  const stream = session.request({
    ':method': 'POST',
    ':path': `/conformance.v1.ConformanceService/${rpc}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...(timeout && { 'grpc-timeout': timeout }),
  });
  stream.on('error', () => undefined);
  // The message { id: "a" } in its frame.
  stream.write(Buffer.from([0, 0, 0, 0, 3, 10, 1, 97]));
  return { session, stream };
}

const call = () => callContext() as unknown as ServerCall;
const BIG = Buffer.alloc(8_000);

async function* endless(left?: () => void) {
  try {
    for (;;) yield reply('a', 0, BIG);
  } finally {
    left?.();
  }
}

it('answers with the one error that counts when two parameters are refused', async () => {
  const WhoAmI = createParamDecorator(() => {
    throw new Unauthenticated('who are you?');
  });
  @GrpcController(ConformanceDefinition)
  class TwoParameters {
    unary(@WhoAmI() _who: string, @Payload() request: RequestDto) {
      return reply(request.id);
    }
    serverStream() {}
    clientStream() {}
    bidi() {}
    acknowledge() {}
  }
  const { client } = await serve({}, { controllers: [TwoParameters] });
  expect((await client.call('unary', { id: '' })).code).toBe('UNAUTHENTICATED');
});

it.each(['connection', 'transfer-encoding', 'te'])('survives the header %s from a handler', async (key) => {
  const { client } = await serve({
    unary: ({ id }) => {
      call().trailers.set(key, 'close');
      return reply(id);
    },
    serverStream: async function* ({ id }) {
      call().trailers.set(key, 'close');
      if (id === 'fails') throw new NotFound('no such thing');
      const metadata = new Metadata();
      metadata.set(key, 'x');
      call().sendMetadata(metadata);
      yield reply(id);
    },
  });
  expect((await client.call('unary')).code).toBe('INTERNAL');
  expect((await client.call('serverStream', { id: 'fails' })).code).toBe('INTERNAL');
  expect((await client.call('serverStream')).code).toBe('INTERNAL');
});

it('drops what a teardown throws', async () => {
  const begun = deferred();
  const { client } = await serve({
    serverStream: () =>
      new Observable(() => {
        begun.resolve();
        return () => {
          throw new Error('a teardown that fails');
        };
      }),
  });
  const running = client.start('serverStream').send({ id: 'a' }).end();
  await begun.promise;
  running.cancel();
  expect((await running.answer()).code).toBe('CANCELLED');
  // The server still serves.
  expect((await client.call('unserved')).code).toBe('UNIMPLEMENTED');
});

it('fails the call of an iterable that cannot be iterated', async () => {
  const { client } = await serve({
    serverStream: () => ({
      [Symbol.asyncIterator]() {
        throw new NotFound('nothing to iterate');
      },
    }),
  });
  expect((await client.call('serverStream')).code).toBe('NOT_FOUND');
});

it('leaves a generator whose reply cannot be sent, and lets a filter see that', async () => {
  @Catch()
  class Everything implements ExceptionFilter {
    catch(): Observable<never> {
      return throwError(() => new NotFound('filtered'));
    }
  }
  const left = deferred();
  const { client } = await serve(
    {
      unary: () => undefined,
      serverStream: async function* () {
        try {
          yield undefined;
          yield reply('never');
        } finally {
          left.resolve();
        }
      },
    },
    { configure: (app) => app.useGlobalFilters(new Everything()) },
  );
  expect((await client.call('unary')).code).toBe('NOT_FOUND');
  expect((await client.call('serverStream')).code).toBe('NOT_FOUND');
  await left.promise;
});

it('lets go of a unary handler’s Observable that goes on after the reply', async () => {
  const replies = new Subject();
  const { client } = await serve({
    unary: ({ id }) => {
      queueMicrotask(() => replies.next(reply(id)));
      return replies;
    },
  });
  expect((await client.call('unary')).code).toBe('OK');
  await expect.poll(() => replies.observed).toBe(false);
});

it('ends a call at its deadline though its client does not read', async () => {
  const left = deferred();
  const aborted = deferred<unknown>();
  const { address } = await serve({
    serverStream: () => {
      const { signal } = callContext()!;
      signal.addEventListener('abort', () => aborted.resolve(signal.reason));
      return endless(() => left.resolve());
    },
  });
  const { stream } = openByHand(address, 'ServerStream', '200m');
  stream.end();
  expect(await aborted.promise).toMatchObject({ name: 'DeadlineExceeded' });
  await left.promise;
});

it('lets any number of things listen to the end of a call', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on('warning', note);
  closers.push(() => process.off('warning', note));
  const { client } = await serve({
    unary: ({ id }) => {
      for (let listeners = 0; listeners < 20; listeners += 1) {
        callContext()!.signal.addEventListener('abort', () => listeners);
      }
      return reply(id);
    },
  });
  expect((await client.call('unary')).code).toBe('OK');
  // Node warns in the tick after the eleventh listener, which is long over.
  expect(warnings).toEqual([]);
});

it('refuses a principal and a tenant that outgoing calls could not carry', async () => {
  const refused: unknown[] = [];
  const { client } = await serve({
    unary: ({ id }) => {
      const set = (change: () => void) => {
        try {
          change();
        } catch (error) {
          refused.push(error);
        }
      };
      set(() => (call().principal = 'Zoë'));
      set(() => (call().tenant = ''));
      set(() => (call().principal = 'user-42'));
      return reply(`${id} ${callContext()?.principal}`);
    },
  });
  expect((await client.call('unary')).replies[0]?.id).toBe('a user-42');
  expect(refused).toEqual([expect.any(TypeError), expect.any(TypeError)]);
});

it('tells a handler why its client’s message was refused', async () => {
  const aborted = deferred<unknown>();
  const { client } = await serve(
    {
      clientStream: async (messages) => {
        const { signal } = callContext()!;
        signal.addEventListener('abort', () => aborted.resolve(signal.reason));
        for await (const _ of messages);
      },
    },
    { limits: { maxMessageBytes: 2_000 } },
  );
  const { code } = await client.call('clientStream', [{ id: 'a' }, { id: 'b', padding: Buffer.alloc(4_000) }]);
  expect(code).toBe('RESOURCE_EXHAUSTED');
  expect(await aborted.promise).toMatchObject({ name: 'ResourceExhausted' });
});

it('stops though a client does not read, another does not end, and the connection of a third breaks', async () => {
  const begun = deferred();
  let open = 0;
  const begin = () => {
    open += 1;
    if (open === 3) begun.resolve();
  };
  const { address, server } = await startServer({
    controllers: [
      fourKinds({
        serverStream: () => (begin(), endless()),
        clientStream: () => (begin(), reply('early')),
        unary: () => (begin(), new Promise(() => undefined)),
      }),
    ],
  });
  openByHand(address, 'ServerStream').stream.end();
  openByHand(address, 'ClientStream').stream.resume();
  const { session, stream } = openByHand(address, 'Unary');
  stream.end();
  await begun.promise;
  const stopped = server.close();
  const { socket } = session;
  (socket as unknown as { resetAndDestroy?: () => void }).resetAndDestroy?.();
  session.destroy();
  await expect(stopped).resolves.toBeUndefined();
});
