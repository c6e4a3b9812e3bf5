import { inspect, isDeepStrictEqual } from 'node:util';
import * as bufbuild from '@bufbuild/protobuf/wire';
import { Money } from '@rookery/contracts/google/type';
import { beforeAll, describe, expect, it } from 'vitest';
import type { MessageCodec } from '../service-definition.js';
import { type Message, everythingOn, generateEverything } from './everything.fixture.js';
import * as own from './index.js';
import { Random, RandomMessage } from './random-message.fixture.js';

const RUNS = 600;

let theirs: MessageCodec<Message>;
let ours: MessageCodec<Message>;

beforeAll(() => {
  const generated = generateEverything();
  theirs = everythingOn({ '@bufbuild/protobuf/wire': bufbuild }, generated.plain);
  ours = everythingOn({ '@rookery/contracts': own }, generated.fast);
}, 60_000);

function bytesOf(codec: MessageCodec<Message>, message: Message): Buffer {
  return Buffer.from(codec.encode(message).finish());
}

/** What came of it, in a form in which two can be compared: a value, or that it failed. */
function outcome<T>(act: () => T): { value: T } | { failed: true } {
  try {
    return { value: act() };
  } catch {
    return { failed: true };
  }
}

const ALL = { depth: null, maxArrayLength: null, maxStringLength: null };

/** Node calls no two invalid dates equal. */
function same(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(one, other) || inspect(one, ALL) === inspect(other, ALL);
}

/** What went wrong on the way between two machines. */
function damage(bytes: Buffer, random: Random): Buffer {
  const damaged = Buffer.from(bytes);
  for (let times = 1 + random.int(4); times > 0 && damaged.length > 0; times--) {
    damaged[random.int(damaged.length)] = random.pick([random.int(256), 0xff, 0x80, 0x00, 0x0b, 0x0c]);
  }
  const at = random.int(damaged.length + 1);
  return random.pick([
    damaged,
    damaged.subarray(0, at),
    Buffer.concat([damaged.subarray(0, at), random.bytes(random.int(12)), damaged.subarray(at)]),
    random.bytes(random.int(60)),
  ]);
}

describe('the wire', () => {
  it('writes the bytes of @bufbuild/protobuf for any message, and reads them as it does', () => {
    const messages = new RandomMessage(new Random(1));
    let longest = 0;
    for (let run = 0; run < RUNS; run++) {
      const message = messages.next();
      const bytes = bytesOf(theirs, message);
      longest = Math.max(longest, bytes.length);
      expect(bytesOf(ours, message).equals(bytes), `bytes of message ${run}`).toBe(true);
      expect(same(ours.decode(bytes), theirs.decode(bytes)), `message ${run} read`).toBe(true);
    }
    expect(longest).toBeGreaterThan(65_536);
  }, 60_000);

  it('reads damaged bytes as @bufbuild/protobuf does: the same message, or no message', () => {
    const random = new Random(2);
    const messages = new RandomMessage(random);
    let failed = 0;
    for (let run = 0; run < 4 * RUNS; run++) {
      const bytes = damage(bytesOf(theirs, messages.next(2)), random);
      const expected = outcome(() => theirs.decode(bytes));
      if ('failed' in expected) failed++;
      const actual = outcome(() => ours.decode(bytes));
      expect(same(actual, expected), `run ${run}: ${bytes.toString('hex')}`).toBe(true);
    }
    // Both ends are seen.
    expect(failed).toBeGreaterThan(RUNS / 10);
    expect(failed).toBeLessThan(4 * RUNS - RUNS / 10);
  }, 60_000);

  it('writes and reads dates as ts-proto does with a Timestamp in between', () => {
    const times = [0, 1, 999, 1000, -1000, -2000, 1.7e12, 2 ** 32 * 1000, 8.64e15, -8.64e15, NaN];
    for (const time of times) {
      const message = { ...theirs.fromPartial({}), time: new Date(time) };
      const bytes = outcome(() => bytesOf(theirs, message));
      expect(
        outcome(() => bytesOf(ours, message)),
        String(time),
      ).toEqual(bytes);
      if ('value' in bytes) expect(ours.decode(bytes.value)).toEqual(theirs.decode(bytes.value));
    }
    for (const seconds of [2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n), 123_456_789n, -1n]) {
      const length = new own.BinaryWriter().uint32(8).int64(seconds).finish().length;
      const bytes = new own.BinaryWriter().tag(71, 2).uint32(length).uint32(8).int64(seconds).finish();
      expect(same(ours.decode(bytes), theirs.decode(bytes)), String(seconds)).toBe(true);
    }
  });

  it.each([
    [-1, -1n, 999_000_000],
    [-999, -1n, 1_000_000],
    [-1500, -2n, 500_000_000],
    [-1_000_000_000_001, -1_000_000_001n, 999_000_000],
  ])('writes a date before 1970 (%d ms) as a Timestamp whose nanoseconds count forward', (time, seconds, nanos) => {
    const timestamp = new own.BinaryWriter().uint32(8).int64(seconds).uint32(16).int32(nanos).finish();
    const expected = Buffer.concat([Buffer.from([timestamp.length]), timestamp]);
    expect(new own.BinaryWriter().timestamp(new Date(time)).finish()).toEqual(expected);
    const message = { ...ours.fromPartial({}), time: new Date(time) };
    for (const codec of [ours, theirs]) expect(codec.decode(bytesOf(ours, message))).toEqual(message);
  });

  it('is what the contracts read and write with', () => {
    const bytes = Money.encode(Money.fromPartial({ currencyCode: 'EUR', units: -5n })).finish();
    expect(Buffer.isBuffer(bytes)).toBe(true);
    expect(Money.encode(Money.fromPartial({}))).toBeInstanceOf(own.BinaryWriter);
    expect(Money.decode(new own.BinaryReader(bytes))).toEqual({ currencyCode: 'EUR', units: -5n, nanos: 0 });
  });

  it('refuses messages that are nested more than 100 deep', () => {
    const nested = (depth: number) => {
      let message = Message();
      for (let i = 1; i < depth; i++) message = { ...Message(), nested: message };
      return bytesOf(ours, message);
    };
    const Message = () => ours.fromPartial({});
    expect(() => ours.decode(nested(100))).not.toThrow();
    expect(() => ours.decode(nested(101))).toThrow('recursion limit');
  });
});

describe('BinaryWriter', () => {
  const SCALARS =
    'uint32 int32 sint32 fixed32 sfixed32 float double bool string int64 uint64 sint64 fixed64 sfixed64'.split(' ');
  const NUMBERS = [0, -0, -1, 0.5, NaN, Infinity, 2 ** 31, 2 ** 32, -(2 ** 31) - 1, 3.5e38, 1e300, 2 ** 63, 2 ** 64];
  const BIGINTS = [0n, -1n, 2n ** 63n, 2n ** 64n, -(2n ** 63n), -(2n ** 63n) - 1n];
  const TEXTS = ['', '1', '-7', 'NaN', 'x', '1.5', '9223372036854775808'];
  const ODD = [...NUMBERS, ...BIGINTS, ...TEXTS, true, null, undefined, {}];

  it.each(SCALARS)('%s takes and refuses the values that @bufbuild/protobuf does', (scalar) => {
    const write = (writer: object, value: unknown) =>
      (writer as Record<string, (value: unknown) => { finish(): Uint8Array }>)[scalar]!(value).finish();
    for (const value of ODD) {
      const expected = outcome(() => Buffer.from(write(new bufbuild.BinaryWriter(), value)));
      expect(
        outcome(() => write(new own.BinaryWriter(), value)),
        `${typeof value} ${String(value)}`,
      ).toEqual(expected);
    }
  });

  it('gives Buffers that nobody writes to again, whoever encodes in between', () => {
    const random = new Random(3);
    const open = Array.from({ length: 5 }, () => ({ writer: new own.BinaryWriter(), text: '' }));
    const kept: { bytes: Buffer; text: string }[] = [];
    for (let step = 0; step < 20_000; step++) {
      const each = random.pick(open);
      if (random.chance(0.1)) {
        kept.push({ bytes: each.writer.finish(), text: each.text });
        each.text = '';
      } else {
        const piece = String(step).repeat(random.chance(0.001) ? 10_000 : random.int(40));
        each.writer.raw(Buffer.from(piece));
        each.text += piece;
      }
    }
    expect(kept.length).toBeGreaterThan(1_000);
    expect(kept.filter(({ bytes, text }) => bytes.toString() !== text)).toEqual([]);
    expect(kept.every(({ bytes }) => Buffer.isBuffer(bytes))).toBe(true);
  });

  it('goes on after an encoding that failed half-way', () => {
    for (let i = 0; i < 100; i++) {
      expect(() => new own.BinaryWriter().uint32(10).string('begun').uint32(16).int32(0.5)).toThrow('invalid int32');
      expect(new own.BinaryWriter().uint32(i).finish()).toEqual(Buffer.from([i]));
    }
  });

  it('refuses a join without a fork', () => {
    expect(() => new own.BinaryWriter().join()).toThrow('fork stack empty');
    expect(() => new own.BinaryWriter().fork().join().join()).toThrow('fork stack empty');
  });

  it('writes forks of any length, however they nest', () => {
    for (const length of [0, 1, 126, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152]) {
      const write = (writer: own.BinaryWriter | bufbuild.BinaryWriter) =>
        Buffer.from(
          writer.tag(1, 2).fork().tag(2, 2).fork().raw(Buffer.alloc(length, 7)).join().join().bool(true).finish(),
        );
      expect(write(new own.BinaryWriter()).equals(write(new bufbuild.BinaryWriter())), String(length)).toBe(true);
    }
  });
});

describe('BinaryReader', () => {
  const both = (bytes: readonly number[], read: (reader: own.BinaryReader | bufbuild.BinaryReader) => unknown) => {
    const input = Uint8Array.from(bytes);
    const expected = outcome(() => read(new bufbuild.BinaryReader(input)));
    expect(outcome(() => read(new own.BinaryReader(input)))).toEqual(expected);
    return expected;
  };

  it('reads tags, and refuses what is none', () => {
    const tags = [
      [10],
      [0],
      [6],
      [7],
      [0xfa, 0xff, 0xff, 0xff, 0x0f],
      [0xfa, 0xff, 0xff, 0xff, 0x1f],
      [0x8a, 0x80],
      [],
    ];
    for (const tag of tags) both(tag, (reader) => reader.tag());
  });

  it('skips values of every wire type, and groups up to 100 deep', () => {
    const groups = (depth: number) => [...Array<number>(depth).fill(0x0b), ...Array<number>(depth).fill(0x0c)];
    const skip = (wireType: number, fieldNo?: number) => (reader: own.BinaryReader | bufbuild.BinaryReader) => [
      ...reader.skip(wireType as bufbuild.WireType, fieldNo),
      reader.pos,
    ];
    for (let wireType = 0; wireType < 8; wireType++) {
      for (let length = 0; length < 10; length++) both([2, 0x80, 3, 4, 5, 6, 7, 8, 9].slice(0, length), skip(wireType));
    }
    expect(both(groups(100).slice(1), skip(3, 1))).toHaveProperty('value');
    expect(both(groups(101).slice(1), skip(3, 1))).toHaveProperty('failed');
    expect(both([0x14], skip(3, 1))).toHaveProperty('failed');
  });

  it('replaces what is no UTF-8, and refuses it where the caller is strict', () => {
    const texts = [
      [0xc3],
      [0xc3, 0x28],
      [0xf0, 0x9f, 0x99],
      [0xed, 0xa0, 0x80],
      [0xef, 0xbb, 0xbf, 0x61],
      [0xc0, 0x80],
      [0xff],
    ];
    for (const text of texts) {
      for (const padding of [0, 20]) {
        const bytes = [text.length + padding, ...text, ...Array<number>(padding).fill(0x61)];
        expect(both(bytes, (reader) => reader.string())).toHaveProperty('value');
        both(bytes, (reader) => reader.string(true));
      }
    }
  });

  it('gives views of its input, which it does not copy', () => {
    const input = Buffer.from([2, 7, 8]);
    const bytes = new own.BinaryReader(input).bytes();
    input[1] = 9;
    expect([...bytes]).toEqual([9, 8]);
  });
});
