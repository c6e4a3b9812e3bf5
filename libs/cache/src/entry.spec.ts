import { NotFound } from '@rookery/errors';
import { describe, expect, it } from 'vitest';
import { freshUntil, isCurrent, isIntact, missingEntry, valueEntry, valueOf } from './entry.js';

const version = (byte: number) => Buffer.alloc(8, byte);
const versions = [version(1), version(2)];
const value = Buffer.from('the reply');
const entry = valueEntry(value, versions, 1_700_000_000_123.5);

it('holds a value, its versions and its time', () => {
  expect(isCurrent([entry, ...versions])).toBe(true);
  expect(freshUntil(entry)).toBe(1_700_000_000_123.5);
  expect(String(valueOf(entry))).toBe('the reply');
  expect(valueOf(entry).buffer).toBe(entry.buffer);
});

it('holds "not found" with message, reason and metadata', () => {
  const error = new NotFound('no order “7”', { reason: 'ORDER_NOT_FOUND', metadata: { id: '7' } });
  const missing = missingEntry(error, 'order-service', versions);
  expect(isCurrent([missing, ...versions])).toBe(true);
  expect(() => valueOf(missing)).toThrow(
    expect.objectContaining({
      constructor: NotFound,
      message: 'no order “7”',
      reason: 'ORDER_NOT_FOUND',
      metadata: { id: '7' },
    }),
  );
});

it.each([
  ['a version is another', [entry, version(1), version(3)]],
  ['the versions are exchanged', [entry, version(2), version(1)]],
  ['a version is not there', [entry, version(1), null]],
  ['a version is no version', [entry, version(1), Buffer.from('x')]],
  ['there are fewer tags', [entry, version(1)]],
  ['there are more tags', [entry, ...versions, version(3)]],
  ['there is no entry', [null, ...versions]],
])('does not count when %s', (_what, seen) => {
  expect(isCurrent(seen)).toBe(false);
});

it('knows whether it is what was stored, to the bit', () => {
  expect(isIntact(entry)).toBe(true);
  for (let bit = 0; bit < 8 * entry.length; bit += 1) {
    const damaged = Buffer.from(entry);
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    expect([bit, isIntact(damaged)]).toEqual([bit, false]);
  }
});

describe('a damaged entry does not count', () => {
  it.each(Array.from({ length: entry.length }, (_, length) => length))('cut off after %i bytes', (length) => {
    expect(isCurrent([entry.subarray(0, length), ...versions])).toBe(false);
  });

  it.each([
    ['longer', Buffer.concat([entry, Buffer.from('x')])],
    ['text', Buffer.from('{"value":"garbage that is long enough to be one"}')],
    ['of another format', Buffer.concat([Buffer.from([0xff]), entry.subarray(1)])],
    ['of an unknown kind', Buffer.concat([entry.subarray(0, 2), Buffer.from([7]), entry.subarray(3)])],
  ])('%s', (_what, damaged) => {
    expect(isCurrent([damaged, ...versions])).toBe(false);
  });
});
