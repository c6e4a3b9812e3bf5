import { TextDecoder } from 'node:util';
import type { NodeBuffer } from './node-buffer.js';

/** Up to this length building a string from its characters costs less than a call out of JavaScript. */
const SHORT_STRING = 12;

/** How deep groups may nest in what is skipped. */
const MOST_GROUPS = 100;

/** How deep ts-proto's code lets messages nest. */
const MOST_MESSAGES = 100;

const scratch = new DataView(new ArrayBuffer(8));
let strictDecoder: TextDecoder | undefined;

function tooShort(): RangeError {
  return new RangeError('premature EOF');
}

/**
 * Reads protobuf in place of the reader of `@bufbuild/protobuf/wire` that ts-proto generates code for: the same methods,
 * values and errors for any bytes. Nothing is copied: `bytes` and `skip` give views of the input.
 */
export class BinaryReader {
  pos = 0;
  readonly len: number;
  private readonly buf: NodeBuffer;
  /** What the generated code counts its depth with. It is declared so that adding it does not change the object's shape. */
  protected __tsProtoDecodeDepth = 0;
  /** The two words of the last 64-bit varint. */
  private low = 0;
  private high = 0;

  constructor(bytes: Uint8Array) {
    const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.buf = buffer as NodeBuffer;
    this.len = bytes.length;
  }

  /** @throws {Error} when it is no field number and wire type */
  tag(): [fieldNo: number, wireType: number] {
    const start = this.pos;
    const tag = this.uint32();
    const size = this.pos - start;
    if (size > 5 || (size === 5 && this.buf[this.pos - 1]! > 0x0f)) {
      throw new Error('illegal tag: varint overflows uint32');
    }
    const fieldNo = tag >>> 3;
    const wireType = tag & 7;
    if (fieldNo <= 0 || wireType > 5) throw new Error(`illegal tag: field no ${fieldNo} wire type ${wireType}`);
    return [fieldNo, wireType];
  }

  /** Passes over the value of an unknown field. @returns its bytes */
  skip(wireType: number, fieldNo?: number, groups = MOST_GROUPS): Uint8Array {
    const start = this.pos;
    switch (wireType) {
      case 0:
        while (this.buf[this.pos++]! & 0x80);
        break;
      case 1:
        this.pos += 8;
        break;
      case 2:
        // Two statements: `pos` must be read after the length.
        const length = this.uint32();
        this.pos += length;
        break;
      case 3:
        this.skipGroup(fieldNo, groups);
        break;
      case 5:
        this.pos += 4;
        break;
      default:
        throw new Error(`cant skip wire type ${wireType}`);
    }
    if (this.pos > this.len) throw tooShort();
    return this.buf.subarray(start, this.pos);
  }

  private skipGroup(group: number | undefined, groups: number): void {
    if (groups <= 0) throw new Error('maximum recursion depth reached');
    for (;;) {
      const [fieldNo, wireType] = this.tag();
      if (wireType !== 4) {
        this.skip(wireType, fieldNo, groups - 1);
        continue;
      }
      if (group !== undefined && fieldNo !== group) throw new Error('invalid end group tag');
      return;
    }
  }

  uint32(): number {
    const { buf } = this;
    let byte = buf[this.pos]!;
    // Past the end `byte` is undefined, which is not less than anything.
    if (byte < 0x80) {
      this.pos++;
      return byte;
    }
    let value = byte & 0x7f;
    let pos = this.pos + 1;
    for (let shift = 7; shift < 70; shift += 7) {
      byte = buf[pos++]!;
      // Negative values come with ten bytes; a 32-bit integer is what is in the first five.
      if (shift < 35) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.pos = pos;
        return value >>> 0;
      }
      if (byte === undefined) throw tooShort();
    }
    throw new Error('invalid varint');
  }

  int32(): number {
    return this.uint32() | 0;
  }

  sint32(): number {
    const value = this.uint32();
    return (value >>> 1) ^ -(value & 1);
  }

  bool(): boolean {
    const byte = this.buf[this.pos]!;
    if (byte < 0x80) {
      this.pos++;
      return byte !== 0;
    }
    this.varint64();
    return this.low !== 0 || this.high !== 0;
  }

  int64(): bigint {
    this.varint64();
    return signed(this.low, this.high);
  }

  uint64(): bigint {
    this.varint64();
    return unsigned(this.low, this.high);
  }

  sint64(): bigint {
    this.varint64();
    const sign = -(this.low & 1);
    return signed(((this.low >>> 1) | (this.high << 31)) ^ sign, (this.high >>> 1) ^ sign);
  }

  fixed32(): number {
    return this.word() >>> 0;
  }

  sfixed32(): number {
    return this.word();
  }

  fixed64(): bigint {
    const low = this.word();
    return unsigned(low, this.word());
  }

  sfixed64(): bigint {
    const low = this.word();
    return signed(low, this.word());
  }

  float(): number {
    scratch.setInt32(0, this.word());
    return scratch.getFloat32(0);
  }

  double(): number {
    scratch.setInt32(4, this.word());
    scratch.setInt32(0, this.word());
    return scratch.getFloat64(0);
  }

  bytes(): Uint8Array {
    const start = this.delimited();
    return this.buf.subarray(start, this.pos);
  }

  /** Invalid UTF-8 is replaced by U+FFFD, or with `strict` an error. */
  string(strict?: boolean): string {
    const start = this.delimited();
    const end = this.pos;
    const { buf } = this;
    const length = end - start;
    if (length <= SHORT_STRING) {
      // oxlint-disable-next-line unicorn/no-new-array -- of its size from the start, which half the time goes into otherwise
      const codes = new Array<number>(length);
      let all = 0;
      for (let i = 0; i < length; i++) all |= codes[i] = buf[start + i]!;
      if (all < 0x80) return String.fromCharCode.apply(String, codes);
    }
    if (strict !== true) return buf.utf8Slice(start, end);
    strictDecoder ??= new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return strictDecoder.decode(buf.subarray(start, end));
  }

  /** A google.protobuf.Timestamp with its length. It counts as a message that is nested, as in the generated code. */
  timestamp(): Date {
    const length = this.uint32();
    if (this.__tsProtoDecodeDepth >= MOST_MESSAGES) throw new Error('protobuf decode recursion limit exceeded');
    const end = this.pos + length;
    let seconds = 0;
    let nanos = 0;
    while (this.pos < end) {
      const tag = this.uint32();
      if (tag === 0x08) {
        this.varint64();
        seconds = this.high * 2 ** 32 + (this.low >>> 0);
      } else if (tag === 0x10) {
        nanos = this.int32();
      } else {
        if ((tag & 7) === 4 || tag === 0) break;
        this.skip(tag & 7);
      }
    }
    return new Date(seconds * 1_000 + nanos / 1_000_000);
  }

  /** Reads a length and passes over as many bytes. @returns where they begin */
  private delimited(): number {
    const length = this.uint32();
    const start = this.pos;
    this.pos = start + length;
    if (this.pos > this.len) throw tooShort();
    return start;
  }

  /** Four bytes as a signed integer. */
  private word(): number {
    const { buf, pos } = this;
    this.pos = pos + 4;
    if (this.pos > this.len) throw tooShort();
    return buf[pos]! | (buf[pos + 1]! << 8) | (buf[pos + 2]! << 16) | (buf[pos + 3]! << 24);
  }

  private varint64(): void {
    const { buf } = this;
    let pos = this.pos;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = buf[pos++]!;
      if (byte === undefined) throw tooShort();
      if (shift < 28) {
        low |= (byte & 0x7f) << shift;
      } else if (shift === 28) {
        low |= byte << 28;
        high = (byte & 0x7f) >> 4;
      } else {
        high |= (byte & 0x7f) << (shift - 32);
      }
      if (byte < 0x80) {
        this.pos = pos;
        this.low = low;
        this.high = high;
        return;
      }
    }
    throw new Error('invalid varint');
  }
}

function signed(low: number, high: number): bigint {
  scratch.setInt32(0, high);
  scratch.setInt32(4, low);
  return scratch.getBigInt64(0);
}

function unsigned(low: number, high: number): bigint {
  scratch.setInt32(0, high);
  scratch.setInt32(4, low);
  return scratch.getBigUint64(0);
}
