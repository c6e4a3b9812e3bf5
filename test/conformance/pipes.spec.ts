import { type ArgumentMetadata, type ExecutionContext, type PipeTransform, createParamDecorator } from '@nestjs/common';
import { Metadata } from '@grpc/grpc-js';
import { Ctx, Payload } from '@nestjs/microservices';
import { GrpcController, Messages } from '@rookery/grpc';
import { InvalidArgument } from '@rookery/errors';
import { afterEach, describe, expect, it } from 'vitest';
import { ConformanceDefinition, KINDS, type Reply, RequestDto } from './conformance-service.js';
import { echoing, startEnhanced } from './start-enhanced.js';
import { type StartedServer, startServer } from './start-server.js';

let started: StartedServer;
afterEach(() => started.close());

const pipe = (transform: PipeTransform['transform']): PipeTransform => ({ transform });
const isStream = (value: unknown) => typeof value === 'object' && value !== null && Symbol.asyncIterator in value;

/** The last of the four RPCs has the most parameters; one definition for each test would say no more. */
const { methods } = ConformanceDefinition;
const definition = { ...ConformanceDefinition, methods: { unary: methods.unary, clientStream: methods.clientStream } };

/** The token of the caller: a custom decorator as users write them. */
const Token = createParamDecorator(
  (key: string, context: ExecutionContext) => context.switchToRpc().getContext<Metadata>().get(key)[0],
);
const Later = createParamDecorator(async (text: string) => text);

describe.each(KINDS)('%s', (kind) => {
  it('passes the pipes of the global level, the controller and the method in this order, each awaited', async () => {
    const log: string[] = [];
    const named = (name: string) =>
      pipe(async (value) => {
        await Promise.resolve();
        log.push(name);
        return value;
      });
    started = await startEnhanced(echoing(log), [
      { at: 'method', pipe: named('method') },
      { at: 'controller', pipe: named('controller') },
      { at: 'global', pipe: named('global') },
    ]);
    expect((await started.client.call(kind)).code).toBe('OK');
    expect(log).toEqual(['global', 'controller', 'method', 'handler']);
  });

  it('runs a pipe once for the declared parameter, with its type', async () => {
    const seen: (ArgumentMetadata & { stream: boolean })[] = [];
    const note = pipe((value, metadata) => (seen.push({ ...metadata, stream: isStream(value) }), value));
    started = await startEnhanced(echoing(), [{ at: 'global', pipe: note }]);
    await started.client.call(kind);
    const stream = kind === 'clientStream' || kind === 'bidi';
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ type: 'body', stream });
    if (!stream) expect(seen[0]!.metatype).toBe(RequestDto);
  });

  it.each([
    {
      how: 'throws',
      transform: (): never => {
        throw new InvalidArgument('not like this');
      },
    },
    { how: 'rejects', transform: () => Promise.reject(new InvalidArgument('not like this')) },
  ])('is refused when a pipe $how', async ({ transform }) => {
    const log: string[] = [];
    started = await startEnhanced(echoing(log), [{ at: 'method', pipe: pipe(transform) }]);
    const refused = { code: 'INVALID_ARGUMENT', message: 'not like this', replies: [] };
    expect(await started.client.call(kind)).toMatchObject(refused);
    expect(log).toEqual([]);
  });
});

it.each(['unary', 'serverStream'] as const)('%s gets what a pipe has made of the request', async (kind) => {
  const shout = pipe((value: RequestDto) => Object.assign(value, { id: value.id.toUpperCase() }));
  started = await startEnhanced(echoing(), [{ at: 'controller', pipe: shout }]);
  expect((await started.client.call(kind, { id: 'x' })).replies[0]).toMatchObject({ id: 'X' });
});

describe('parameters', () => {
  const log: string[] = [];
  const named = (name: string) => pipe((value) => (log.push(name), value));
  const shout = pipe((value: string) => value.toUpperCase());

  @GrpcController(definition)
  class ManyParameters {
    unary(
      @Payload(named('own 1'), named('own 2')) request: RequestDto,
      @Ctx() metadata: Metadata,
      @Token('x-token') token: string,
      @Token('x-token', shout) loud: string,
      @Later('later') later: string,
    ): Partial<Reply> {
      const parts = [request.id, metadata.get('x-token')[0], token, loud, later];
      return { id: parts.join(' ') };
    }

    async clientStream(
      @Messages(RequestDto) messages: AsyncIterable<RequestDto>,
      @Token('x-token', shout) loud: string,
    ): Promise<Partial<Reply>> {
      const ids: string[] = [];
      for await (const { id } of messages) ids.push(id);
      return { id: [...ids, loud].join(' ') };
    }
  }

  it('come from the payload, the metadata and custom decorators, each through its own pipes', async () => {
    started = await startServer({ controllers: [ManyParameters] });
    const metadata = new Metadata();
    metadata.set('x-token', 't');
    expect((await started.client.call('unary', { id: 'x' }, { metadata })).replies[0]!.id).toBe('x t t T later');
    expect(log).toEqual(['own 1', 'own 2']);
    const collected = await started.client.call('clientStream', [{ id: 'x' }, { id: 'y' }], { metadata });
    expect(collected.replies[0]!.id).toBe('x y T');
  });

  it('pass the global pipes too, before their own', async () => {
    log.splice(0);
    const types: string[] = [];
    started = await startServer({
      controllers: [ManyParameters],
      configure: (app) => app.useGlobalPipes(pipe((value, { type }) => (types.push(type), log.push('global'), value))),
    });
    const metadata = new Metadata();
    metadata.set('x-token', 't');
    expect((await started.client.call('unary', { id: 'x' }, { metadata })).code).toBe('OK');
    expect(types.toSorted()).toEqual(['body', 'custom', 'custom', 'custom', 'custom']);
    const own = log.indexOf('own 1');
    expect(own).toBeGreaterThan(log.indexOf('global'));
    expect(log.indexOf('own 2')).toBeGreaterThan(own);
  });
});
