import { describe, expect, it } from 'vitest';
import { type CallMetadata, outgoingMetadata } from './call-metadata.js';

const signal = new AbortController().signal;

describe('the metadata of a call', () => {
  it('takes text, bytes and several values of a key', () => {
    const metadata = outgoingMetadata(
      { 'X-Shop': 'berlin', 'x-token-bin': new Uint8Array([1, 255]), 'x-tag': ['a', 'b'] },
      undefined,
    );
    expect(metadata.get('x-shop')).toEqual(['berlin']);
    expect(metadata.get('x-token-bin')).toEqual([Buffer.from([1, 255])]);
    expect(metadata.get('x-tag')).toEqual(['a', 'b']);
  });

  it('carries the context on', () => {
    const context = {
      requestId: 'r-1',
      signal,
      traceparent: '00-a-b-01',
      tracestate: 'v=1',
      tenant: 't',
      principal: 'p',
    };
    expect(outgoingMetadata(undefined, context).getMap()).toEqual({
      'x-request-id': 'r-1',
      traceparent: '00-a-b-01',
      tracestate: 'v=1',
      'x-tenant-id': 't',
      'x-principal-id': 'p',
    });
    expect(outgoingMetadata({ 'x-shop': 'berlin' }, { requestId: 'r-1', signal }).getMap()).toEqual({
      'x-request-id': 'r-1',
      'x-shop': 'berlin',
    });
  });

  it.each(['grpc-timeout', ':path', 'te', 'content-type', 'User-Agent', 'connection'])('refuses %s', (key) =>
    expect(() => outgoingMetadata({ [key]: 'x' }, undefined)).toThrow(
      new TypeError(`metadata key "${key}" is reserved: the protocol sets it`),
    ),
  );

  it.each(['x-request-id', 'traceparent', 'tracestate', 'x-tenant-id', 'X-Principal-Id'])('refuses %s', (key) =>
    expect(() => outgoingMetadata({ [key]: 'x' }, undefined)).toThrow(
      `metadata key "${key}" is reserved: the call context sets it`,
    ),
  );

  it.each<[CallMetadata, string]>([
    [{ 'x shop': 'a' }, 'metadata key "x shop" may have letters, digits, "_", "-" and "." only'],
    [{ 'x-shop': 'Köln' }, 'metadata "x-shop" takes printable ASCII only; send other text as bytes, as "x-shop-bin"'],
    [{ 'x-shop': 'a\nb' }, 'metadata "x-shop" takes printable ASCII only'],
    [{ 'x-shop': 7 as never }, 'metadata "x-shop" takes text; got number'],
    [{ 'x-shop': new Uint8Array() }, 'metadata "x-shop" takes text; got bytes (a key for bytes ends in -bin)'],
    [
      { 'x-shop-bin': 'a' },
      'metadata "x-shop-bin" takes bytes (a Uint8Array), because its key ends in -bin; got string',
    ],
  ])('refuses %j', (metadata, message) => expect(() => outgoingMetadata(metadata, undefined)).toThrow(message));

  it('refuses a context that gRPC cannot carry, rather than calling on nobody’s behalf', () => {
    expect(() => outgoingMetadata(undefined, { requestId: 'r', signal, principal: 'Zoë' })).toThrow('"x-principal-id"');
  });
});
