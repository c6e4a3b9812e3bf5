import type { NodeBuffer } from './node-buffer.js';
import { checkedFloat, checkedInt32, checkedInt64, checkedUint32, checkedUint64 } from './scalar-range.js';
import { type Slab, release, slabFor, takeSlab } from './slab.js';

/** Up to this length a loop over the characters costs less than a call out of JavaScript. One byte says the length. */
const SHORT_STRING = 24;

const NOTHING = Buffer.alloc(0) as NodeBuffer;
const scratch = new DataView(new ArrayBuffer(8));

function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  return value < 0x10000000 ? 4 : 5;
}

/**
 * Writes protobuf in place of the writer of `@bufbuild/protobuf/wire` that ts-proto generates code for: the same
 * methods, bytes and errors. It differs in where the bytes go, straight into a slab that messages share, and in what
 * `finish` gives, a Buffer.
 */
export class BinaryWriter {
  private slab: Slab | undefined = undefined;
  /** The bytes of `slab`. */
  private out: NodeBuffer = NOTHING;
  /** Where this message begins: before it are other messages. */
  private start = 0;
  private pos = 0;
  /** Where the lengths of the open forks go, counted from `start`. */
  private forks: number[] | undefined = undefined;

  /** The bytes that were written; nobody writes to them again. The writer is empty afterwards. */
  finish(): Buffer {
    const { slab, out, start, pos } = this;
    this.slab = undefined;
    this.out = NOTHING;
    this.start = this.pos = 0;
    this.forks = undefined;
    if (slab === undefined) return Buffer.alloc(0);
    slab.used = pos;
    release(slab);
    return out.subarray(start, pos);
  }

  /** Begins a message or a packed list, whose length `join` writes. Most fit the one byte that is left for it. */
  fork(): this {
    this.reserve(1);
    const at = this.pos++ - this.start;
    if (this.forks === undefined) this.forks = [at];
    else this.forks.push(at);
    return this;
  }

  /** Ends what `fork` began. What is longer than one byte can say is moved to make room for its length. */
  join(): this {
    const fork = this.forks?.pop();
    if (fork === undefined) throw new Error('invalid state, fork stack empty');
    const length = this.pos - this.start - fork - 1;
    const more = varintSize(length) - 1;
    if (more > 0) this.reserve(more);
    const at = this.start + fork;
    if (more > 0) this.out.copyWithin(at + 1 + more, at + 1, this.pos);
    this.pos = at;
    this.varint(length);
    this.pos += length;
    return this;
  }

  tag(fieldNo: number, type: number): this {
    return this.uint32(((fieldNo << 3) | type) >>> 0);
  }

  /** Bytes as they are, without a length. */
  raw(chunk: Uint8Array): this {
    this.reserve(chunk.length);
    this.out.set(chunk, this.pos);
    this.pos += chunk.length;
    return this;
  }

  uint32(value: number): this {
    if (value >>> 0 !== value) value = checkedUint32(value);
    this.reserve(5);
    this.varint(value);
    return this;
  }

  int32(value: number): this {
    if ((value | 0) !== value) value = checkedInt32(value);
    this.reserve(10);
    if (value >= 0) this.varint(value);
    else this.varint64(value, -1);
    return this;
  }

  sint32(value: number): this {
    if ((value | 0) !== value) value = checkedInt32(value);
    this.reserve(5);
    this.varint(((value << 1) ^ (value >> 31)) >>> 0);
    return this;
  }

  bool(value: boolean): this {
    this.reserve(1);
    this.out[this.pos++] = value ? 1 : 0;
    return this;
  }

  bytes(value: Uint8Array): this {
    return this.uint32(value.byteLength).raw(value);
  }

  string(value: string): this {
    if (typeof value !== 'string') value = String(value);
    const { length } = value;
    if (length > SHORT_STRING) return this.longString(value);
    // In UTF-8 a UTF-16 code unit takes three bytes at most; the length of so many still fits one byte.
    this.reserve(1 + 3 * length);
    const out = this.out;
    let pos = this.pos + 1;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) {
        const written = out.utf8Write(value, this.pos + 1);
        out[this.pos] = written;
        this.pos += 1 + written;
        return this;
      }
      out[pos++] = code;
    }
    out[this.pos] = length;
    this.pos = pos;
    return this;
  }

  private longString(value: string): this {
    // Most text is ASCII: it is measured only where it would not fit at three bytes a unit, instead of growing for nothing.
    const most = 3 * value.length;
    this.reserve(5 + (this.pos + 5 + most <= this.out.length ? most : Buffer.byteLength(value)));
    const { out, pos } = this;
    const guess = varintSize(value.length);
    const written = out.utf8Write(value, pos + guess);
    const size = varintSize(written);
    if (size !== guess) out.copyWithin(pos + size, pos + guess, pos + guess + written);
    this.varint(written);
    this.pos += written;
    return this;
  }

  float(value: number): this {
    scratch.setFloat32(0, checkedFloat(value), true);
    return this.low(scratch.getInt32(0, true));
  }

  double(value: number): this {
    scratch.setFloat64(0, value, true);
    return this.low(scratch.getInt32(0, true)).low(scratch.getInt32(4, true));
  }

  fixed32(value: number): this {
    return this.low(value >>> 0 === value ? value : checkedUint32(value));
  }

  sfixed32(value: number): this {
    return this.low((value | 0) === value ? value : checkedInt32(value));
  }

  fixed64(value: bigint | number | string): this {
    scratch.setBigUint64(0, checkedUint64(value), true);
    return this.low(scratch.getInt32(0, true)).low(scratch.getInt32(4, true));
  }

  sfixed64(value: bigint | number | string): this {
    scratch.setBigInt64(0, checkedInt64(value), true);
    return this.low(scratch.getInt32(0, true)).low(scratch.getInt32(4, true));
  }

  int64(value: bigint | number | string): this {
    scratch.setBigInt64(0, checkedInt64(value), true);
    this.reserve(10);
    this.varint64(scratch.getInt32(0, true), scratch.getInt32(4, true));
    return this;
  }

  uint64(value: bigint | number | string): this {
    scratch.setBigUint64(0, checkedUint64(value), true);
    this.reserve(10);
    this.varint64(scratch.getInt32(0, true), scratch.getInt32(4, true));
    return this;
  }

  sint64(value: bigint | number | string): this {
    scratch.setBigInt64(0, checkedInt64(value), true);
    const low = scratch.getInt32(0, true);
    const high = scratch.getInt32(4, true);
    const sign = high >> 31;
    this.reserve(10);
    this.varint64((low << 1) ^ sign, ((high << 1) | (low >>> 31)) ^ sign);
    return this;
  }

  /** A google.protobuf.Timestamp with its length. @throws {RangeError} when the date is none */
  timestamp(date: Date): this {
    const milliseconds = date.getTime();
    if (Number.isNaN(milliseconds)) throw new RangeError('invalid Date');
    // Before 1970, too, nanoseconds count forward from the second.
    const seconds = Math.floor(milliseconds / 1_000);
    const nanos = (milliseconds - seconds * 1_000) * 1_000_000;
    this.fork();
    if (seconds !== 0) {
      this.reserve(11);
      this.out[this.pos++] = 0x08;
      this.varint64(seconds | 0, Math.floor(seconds / 2 ** 32));
    }
    if (nanos !== 0) this.uint32(0x10).int32(nanos);
    return this.join();
  }

  /** The four bytes of an integer, the lowest first. */
  private low(value: number): this {
    this.reserve(4);
    const out = this.out;
    const pos = this.pos;
    out[pos] = value;
    out[pos + 1] = value >>> 8;
    out[pos + 2] = value >>> 16;
    out[pos + 3] = value >>> 24;
    this.pos = pos + 4;
    return this;
  }

  /** An unsigned 32-bit integer. Its room is reserved. */
  private varint(value: number): void {
    const out = this.out;
    let pos = this.pos;
    while (value > 0x7f) {
      out[pos++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    out[pos++] = value;
    this.pos = pos;
  }

  /** A 64-bit integer of two words. Its room is reserved. */
  private varint64(low: number, high: number): void {
    const out = this.out;
    let pos = this.pos;
    low >>>= 0;
    high >>>= 0;
    while (high !== 0) {
      out[pos++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.pos = pos;
    this.varint(low);
  }

  /** Makes sure that `size` bytes more fit. It may change `out`, `start` and `pos`. */
  private reserve(size: number): void {
    if (this.pos + size > this.out.length) this.move(size);
  }

  private move(size: number): void {
    const needed = this.pos - this.start + size;
    const before = this.slab ?? takeSlab();
    let slab = before;
    if (this.slab !== undefined || before.room < needed) {
      slab = slabFor(needed);
      this.out.copy(slab.bytes, 0, this.start, this.pos);
      release(before);
    }
    this.slab = slab;
    this.out = slab.bytes;
    this.pos += slab.used - this.start;
    this.start = slab.used;
  }
}
