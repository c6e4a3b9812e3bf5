import { Metadata } from '@grpc/grpc-js';
import { Ctx, Payload } from '@nestjs/microservices';
import { Call, GrpcController, Messages, type ServerCall } from '@rookery/grpc';
import { callContext } from '@rookery/context';
import { NotFound } from '@rookery/errors';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ConformanceDefinition, KINDS, type Reply, RequestDto } from './conformance-service.js';
import { type StartedServer, startServer } from './start-server.js';

const BYTES = Buffer.from([0, 1, 254, 255]);
const received: { metadata?: Metadata; peer?: string; path?: string; same?: boolean } = {};
beforeEach(() => void (received.metadata = undefined));

/** Sends metadata before the reply and with the status; fails then, when the id says so. */
function answer({ id }: { id: string }, metadata: Metadata, call: ServerCall): Partial<Reply> {
  Object.assign(received, { metadata, peer: call.getPeer(), path: call.getPath(), same: metadata === call.metadata });
  const initial = new Metadata();
  initial.set('x-initial', 'before');
  initial.add('x-many', '1');
  initial.add('x-many', '2');
  initial.set('x-bytes-bin', BYTES);
  call.sendMetadata(initial);
  call.trailers.set('x-trailer', 'after');
  call.trailers.add('x-many', '3');
  call.trailers.add('x-many', '4');
  call.trailers.set('x-bytes-bin', BYTES);
  if (id === 'fails') throw new NotFound('gone');
  return { id, number: 1 };
}

const { acknowledge: _, ...methods } = ConformanceDefinition.methods;

@GrpcController({ ...ConformanceDefinition, methods })
class MetadataController {
  async unary(@Payload() request: RequestDto, @Ctx() metadata: Metadata, @Call() call: ServerCall) {
    return answer(request, metadata, call);
  }
  async *serverStream(@Payload() request: RequestDto, @Ctx() metadata: Metadata, @Call() call: ServerCall) {
    yield answer(request, metadata, call);
  }
  async clientStream(
    @Messages(RequestDto) messages: AsyncIterable<RequestDto>,
    @Ctx() metadata: Metadata,
    @Call() call: ServerCall,
  ) {
    let last: Partial<Reply> | undefined;
    for await (const request of messages) last = answer(request, metadata, call);
    return last;
  }
  async *bidi(
    @Messages(RequestDto) messages: AsyncIterable<RequestDto>,
    @Ctx() metadata: Metadata,
    @Call() call: ServerCall,
  ) {
    for await (const request of messages) yield answer(request, metadata, call);
  }
}

let started: StartedServer;
beforeAll(async () => (started = await startServer({ controllers: [MetadataController] })));
afterAll(() => started.close());

describe.each(KINDS)('%s', (kind) => {
  it('gets text, bytes and many values of a key', async () => {
    const metadata = new Metadata();
    metadata.set('X-Text', 'plain ~!');
    metadata.set('x-bytes-bin', BYTES);
    metadata.add('x-many', 'one');
    metadata.add('x-many', 'two');
    expect((await started.client.call(kind, { id: 'x' }, { metadata })).code).toBe('OK');
    expect(received.metadata!.get('x-text')).toEqual(['plain ~!']);
    expect(received.metadata!.get('x-bytes-bin')).toEqual([BYTES]);
    expect(received.metadata!.get('x-many').join(', ')).toBe('one, two');
    expect(received).toMatchObject({ same: true, peer: expect.stringMatching(/^(\[?::ffff:)?127\.0\.0\.1\]?:\d+$/) });
    expect(received.path?.toLowerCase()).toBe(`/conformance.v1.conformanceservice/${kind.toLowerCase()}`);
  });

  it.each([
    { id: 'x', code: 'OK' },
    { id: 'fails', code: 'NOT_FOUND' },
  ])('sends metadata before the reply and with the status $code', async ({ id, code }) => {
    const { metadata, trailers, ...rest } = await started.client.call(kind, { id });
    expect(rest.code).toBe(code);
    expect(metadata!.get('x-initial')).toEqual(['before']);
    expect(metadata!.get('x-many').join(', ')).toBe('1, 2');
    expect(metadata!.get('x-bytes-bin')).toEqual([BYTES]);
    expect(trailers.get('x-trailer')).toEqual(['after']);
    expect(trailers.get('x-many').join(', ')).toBe('3, 4');
    expect(trailers.get('x-bytes-bin')).toEqual([BYTES]);
    if (code !== 'OK') expect(rest.details).toHaveProperty('ErrorInfo');
  });
});

it('keeps the trace of the caller in the context, and no request id that is unfit for a log', async () => {
  let seen: unknown;
  @GrpcController({ ...ConformanceDefinition, methods: { unary: ConformanceDefinition.methods.unary } })
  class Tracing {
    unary(@Payload() { id }: RequestDto): Partial<Reply> {
      const { requestId, traceparent } = callContext()!;
      seen = { requestId, traceparent };
      return { id };
    }
  }
  const own = await startServer({ controllers: [Tracing] });
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const metadata = new Metadata();
  metadata.set('traceparent', traceparent);
  metadata.set('x-request-id', 'two words');
  await own.client.call('unary', { id: 'x' }, { metadata });
  expect(seen).toEqual({ traceparent, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  await own.close();
});
