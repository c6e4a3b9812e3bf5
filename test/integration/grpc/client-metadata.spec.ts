import { Metadata } from '@grpc/grpc-js';
import { type CallOptions, createGrpcClient } from '@rookery/grpc';
import { fake, fakeClient, serveFake } from '@rookery/testing';
import { NotFound } from '@rookery/errors';
import type { ServiceClient } from '@rookery/contracts';
import { afterAll, describe, expect, it } from 'vitest';
import { KindsDefinition, drain, failure, serving } from './kinds.fixture.js';

let sent: Metadata;

const service = fake(KindsDefinition, {
  get: ({ id }, { metadata, header, trailer }) => {
    sent = metadata;
    if (id === 'missing') throw new NotFound('no such user');
    header.set('x-shard', 'seven');
    trailer.set('x-cost-bin', Buffer.from([1, 2]));
    return { id };
  },
  list: function* (_, { metadata, header, trailer }) {
    sent = metadata;
    header.set('x-shard', 'seven');
    yield {};
    trailer.set('x-cost-bin', Buffer.from([1, 2]));
  },
});

const served = await serveFake(service);
const client = createGrpcClient(KindsDefinition, { target: served.target, timeout: '10s' });
afterAll(() => {
  client.close();
  served.close();
});

describe.each<[string, ServiceClient<typeof KindsDefinition, CallOptions>]>([
  ['over a socket', client.methods],
  ['to a fake', fakeClient(service.service, service.methods)],
])('metadata %s', (_, { get, list }) => {
  const kinds = [
    ['get', (options: CallOptions) => get({}, options)],
    ['list', (options: CallOptions) => drain(list({}, options))],
  ] as const;

  it.each(kinds)('reaches the service with what the context carries on (%s)', async (_name, call) => {
    const context = { requestId: 'r-7', traceparent: '00-a-b-01', tracestate: 'v=1', tenant: 'acme', principal: 'ada' };
    await serving(context, () => call({ metadata: { 'x-shop': ['a', 'b'], 'x-token-bin': new Uint8Array([0, 255]) } }));
    const { 'x-shop': shop, 'x-token-bin': token, ...rest } = sent.toJSON() as Record<string, unknown[]>;
    // HTTP/2 joins several values of a key.
    expect(shop!.join(', ')).toBe('a, b');
    expect(token).toEqual([Buffer.from([0, 255])]);
    expect(rest).toMatchObject({
      'x-request-id': ['r-7'],
      traceparent: ['00-a-b-01'],
      tracestate: ['v=1'],
      'x-tenant-id': ['acme'],
      'x-principal-id': ['ada'],
    });
  });

  it.each(kinds)('of the service reaches the callbacks (%s)', async (_name, call) => {
    const got: Record<string, Metadata> = {};
    await call({
      onHeader: (metadata) => void (got.header = metadata),
      onTrailer: (metadata) => void (got.trailer = metadata),
    });
    expect(got.header!.get('x-shard')).toEqual(['seven']);
    expect(got.trailer!.get('x-cost-bin')).toEqual([Buffer.from([1, 2])]);
  });

  it('comes with errors, too', async () => {
    let trailer: Metadata | undefined;
    await failure(get({ id: 'missing' }, { onTrailer: (metadata) => void (trailer = metadata) }));
    expect(trailer!.get('grpc-status-details-bin')).toHaveLength(1);
  });

  it.each(['onHeader', 'onTrailer'] as const)('fails the call with what %s throws', async (callback) => {
    const defect = new Error('a broken callback');
    const options: CallOptions = {
      [callback]: () => {
        throw defect;
      },
    };
    expect(await failure(get({}, options))).toBe(defect);
    expect(await failure(drain(list({}, options)))).toBe(defect);
  });

  it('that is reserved is refused before anything is sent', async () => {
    sent = new Metadata();
    await expect(get({}, { metadata: { traceparent: 'x' } })).rejects.toThrow(TypeError);
    expect(() => list({}, { metadata: { 'grpc-timeout': '1S' } })).toThrow(
      'metadata key "grpc-timeout" is reserved: the protocol sets it',
    );
    expect(sent.getMap()).toEqual({});
  });
});
