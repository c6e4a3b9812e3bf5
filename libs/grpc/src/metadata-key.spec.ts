import { Metadata } from '@grpc/grpc-js';
import { expect, expectTypeOf, it } from 'vitest';
import { MetadataKey } from './metadata-key.js';

const LOCALE = new MetadataKey('x-locale');
const SIGNATURE = new MetadataKey('x-signature-bin');

it('reads and writes text and bytes by their types', () => {
  const metadata = new Metadata();
  expect(LOCALE.of(metadata)).toBeUndefined();
  LOCALE.set(metadata, 'de', 'en');
  SIGNATURE.set(metadata, Buffer.from([1, 2]));
  expect(LOCALE.of(metadata)).toBe('de');
  expect(LOCALE.allOf(metadata)).toEqual(['de', 'en']);
  expect(SIGNATURE.of(metadata)).toEqual(Buffer.from([1, 2]));
  expectTypeOf(LOCALE.of(metadata)).toEqualTypeOf<string | undefined>();
  expectTypeOf(SIGNATURE.of(metadata)).toEqualTypeOf<Buffer | undefined>();
});

it('replaces what is there', () => {
  const metadata = new Metadata();
  LOCALE.set(metadata, 'de');
  LOCALE.set(metadata, 'fr');
  expect(LOCALE.allOf(metadata)).toEqual(['fr']);
});

it.each(['with space', '', 'grpc-status', ':path', 'te', 'x-request-id', 'traceparent', 'x-principal-id'])(
  'refuses "%s"',
  (name) => expect(() => new MetadataKey(name)).toThrow(TypeError),
);
