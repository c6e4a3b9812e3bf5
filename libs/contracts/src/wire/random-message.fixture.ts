import type { Message } from './everything.fixture.js';

/** Random numbers of a seed (mulberry32), so that a run that fails can be repeated. */
export class Random {
  constructor(private state: number) {}

  /** From 0 to `below`, without it. */
  int(below: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  }

  chance(probability: number): boolean {
    return this.int(1_000_000) < probability * 1_000_000;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.int(values.length)]!;
  }

  list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.int(most + 1) }, make);
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.int(256)));
  }
}

const INT32S = [0, 1, -1, 127, 128, 16383, 16384, 2097151, 2097152, 268435455, 268435456, 2147483647, -2147483648];
const UINT32S = [0, 1, 127, 128, 16383, 16384, 2097151, 2097152, 268435455, 268435456, 2147483648, 4294967295];
const DOUBLES = [0, -0, 1, -1, NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE, Math.PI, 2 ** 53];
const FLOATS = [0, -0, 1.5, NaN, Infinity, -Infinity, 3.4028234663852886e38, 1.401298464324817e-45, Math.PI];
const PIECES = [
  'a',
  'id-',
  '\u0000',
  '\u007f',
  '\u0080',
  'é',
  '\u07ff',
  '\u0800',
  '漢字',
  '🙂',
  '\ud800',
  '\udc00',
  '\ufeff',
];
/** Around the lengths that are treated apart: of short strings, of one, two and three bytes of length, of a slab. */
const LENGTHS = [
  0, 1, 7, 11, 12, 13, 23, 24, 25, 42, 43, 100, 126, 127, 128, 129, 300, 5461, 5462, 16383, 16384, 33000, 70_000,
];

/** Random messages of everything.proto: of each field what is at the edge of its range, or anything. */
export class RandomMessage {
  constructor(private readonly random: Random) {}

  private uint32 = () => (this.random.chance(0.5) ? this.random.pick(UINT32S) : this.random.int(2 ** 32));
  private int32 = () => (this.random.chance(0.5) ? this.random.pick(INT32S) : this.random.int(2 ** 32) | 0);
  private int64 = () => BigInt.asIntN(64, this.uint64());
  private uint64 = () => {
    const bits = this.random.int(65);
    const any = (BigInt(this.random.int(2 ** 32)) << 32n) | BigInt(this.random.int(2 ** 32));
    return this.random.pick([
      BigInt.asUintN(bits, any),
      BigInt.asUintN(64, -1n << BigInt(bits)),
      2n ** BigInt(bits) - 1n,
    ]);
  };
  private double = () => (this.random.chance(0.7) ? this.random.pick(DOUBLES) : this.random.int(2 ** 32) / 7);
  private float = () => (this.random.chance(0.7) ? this.random.pick(FLOATS) : this.random.int(2 ** 32) / 7);
  private bool = () => this.random.chance(0.5);
  private color = () => this.random.pick([0, 1, 2147483647, -5, 77]);
  private length = () => LENGTHS[this.random.int(this.random.chance(0.05) ? LENGTHS.length : 16)]!;
  /** Before 1970 whole seconds only: the others ts-proto writes with negative nanoseconds, which are no Timestamp. */
  private time = () => {
    const seconds = this.random.int(2 ** 32) - 1e9;
    return new Date(seconds * 1_000 + (seconds < 0 ? 0 : this.random.int(1_000)));
  };
  private bytes = () => this.random.bytes(Math.min(this.length(), 400));
  private text = () => {
    const length = this.length();
    const ascii = 'abcdefghij'.repeat(Math.ceil(length / 10)).slice(0, length);
    if (this.random.chance(0.4)) return ascii;
    const mixed = this.random.list(30, () => this.random.pick(PIECES)).join('');
    return this.random.pick([
      mixed,
      mixed + ascii,
      ascii + mixed,
      this.random.pick(PIECES).repeat(Math.min(length, 30_000)),
    ]);
  };

  next(depth = 0): Message {
    const nested = () => this.next(depth + 1);
    const maybe = <T>(make: () => T) => (this.random.chance(0.2) ? make() : undefined);
    const some = <T>(make: () => T, none: T) => (this.random.chance(0.4) ? make() : none);
    const many = <T>(make: () => T, most = 5) => (this.random.chance(0.1) ? this.random.list(most, make) : []);
    const deeper = <T>(make: () => T, none: T) => (depth < 3 && this.random.chance(0.3) ? make() : none);
    const map = <T>(key: () => unknown, value: () => T) => new Map(many(() => [key(), value()] as [unknown, T]));
    return {
      aDouble: some(this.double, 0),
      aFloat: some(this.float, 0),
      anInt32: some(this.int32, 0),
      anInt64: some(this.int64, 0n),
      aUint32: some(this.uint32, 0),
      aUint64: some(this.uint64, 0n),
      aSint32: some(this.int32, 0),
      aSint64: some(this.int64, 0n),
      aFixed32: some(this.uint32, 0),
      aFixed64: some(this.uint64, 0n),
      anSfixed32: some(this.int32, 0),
      anSfixed64: some(this.int64, 0n),
      aBool: this.bool(),
      aString: some(this.text, ''),
      someBytes: some(this.bytes, Buffer.alloc(0)),
      aColor: some(this.color, 0),
      nested: deeper(nested, undefined),
      doubles: many(this.double),
      floats: many(this.float),
      int32s: many(this.int32, 40),
      int64s: many(this.int64, 40),
      uint32s: many(this.uint32, 40),
      uint64s: many(this.uint64),
      sint32s: many(this.int32),
      sint64s: many(this.int64),
      fixed32s: many(this.uint32),
      fixed64s: many(this.uint64),
      sfixed32s: many(this.int32),
      sfixed64s: many(this.int64),
      bools: many(this.bool, 200),
      strings: many(this.text),
      byteses: many(this.bytes),
      colors: many(this.color),
      nesteds: deeper(() => this.random.list(3, nested), []),
      unpackedUint32s: many(this.uint32),
      unpackedSint64s: many(this.int64),
      maybeDouble: maybe(this.double),
      maybeInt64: maybe(this.int64),
      maybeString: maybe(this.text),
      maybeBytes: maybe(this.bytes),
      maybeBool: maybe(this.bool),
      stringMap: map(this.text, this.text),
      nestedMap: deeper(() => map(this.int64, nested), new Map()),
      boolMap: map(this.bool, this.int32),
      bytesMap: map(this.uint32, this.bytes),
      choice: this.random.pick([
        undefined,
        { $case: 'choiceString', value: this.text() },
        { $case: 'choiceUint64', value: this.uint64() },
        { $case: 'choiceBytes', value: this.bytes() },
        { $case: 'choiceBool', value: this.bool() },
      ]),
      time: maybe(this.time),
      boxed: maybe(this.int64),
      far: some(this.text, ''),
    };
  }
}
