import { crc32 } from 'node:zlib';
import { Code, type NotFound, fromStatus, toStatus } from '@rookery/errors';

/**
 * How an entry is stored, so that a hit neither decodes nor copies its value:
 *
 * | bytes  |                                                                                      |
 * | ------ | ------------------------------------------------------------------------------------ |
 * | 2      | format                                                                               |
 * | 1      | kind: a value, or "not found"                                                        |
 * | 1      | n, the number of tags                                                                |
 * | 8      | until when it is fresh: double, milliseconds since the epoch                         |
 * | 4      | length of the body                                                                   |
 * | 8 · n  | the versions of its tags when its load began                                         |
 * | …      | the body: the value, or the length and text of the message and a `google.rpc.Status` |
 * | 4      | CRC-32 of all that                                                                   |
 */
const FORMAT = 0x52c2;
const VALUE = 0;
const MISSING = 1;
const HEADER = 16;
const CHECKSUM = 4;
/** The CRC-32 of anything with its own CRC-32 behind it: no view of the rest has to be made to check it. */
const INTACT = 0x2144df1c;
/** The format is part of an entry's key: during a rollout old and new replicas do not displace each other's. */
export const FORMAT_NAME = FORMAT.toString(16);
/** Their number is one byte. */
export const MOST_TAGS = 255;

/** The length of a tag's version. */
export const VERSION_LENGTH = 8;

/** Versions of the tags in their order, as the store gives them: null where there is none. */
export type Versions = readonly (Buffer | null)[];

/** Who has read a tag without a version knows nothing of entries with that tag. */
export function areComplete(versions: Versions): versions is readonly Buffer[] {
  return versions.every((version) => version?.length === VERSION_LENGTH);
}

/** An entry for `value`, stored as what was so under `versions`. */
export function valueEntry(value: Uint8Array, versions: readonly Buffer[], freshUntil: number): Buffer {
  return entryOf(VALUE, value, versions, freshUntil);
}

/** An entry for "not found". @param domain the service's name, where the error names none */
export function missingEntry(error: NotFound, domain: string, versions: readonly Buffer[]): Buffer {
  const { message, details } = toStatus(error, domain);
  const text = Buffer.from(message);
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32LE(text.length);
  return entryOf(MISSING, Buffer.concat([length, text, details]), versions, Infinity);
}

function entryOf(kind: number, body: Uint8Array, versions: readonly Buffer[], freshUntil: number): Buffer {
  const bodyAt = HEADER + VERSION_LENGTH * versions.length;
  // Not from the pool: what is kept in memory must not keep a slab with it.
  const entry = Buffer.allocUnsafeSlow(bodyAt + body.length + CHECKSUM);
  entry.writeUInt16LE(FORMAT, 0);
  entry[2] = kind;
  entry[3] = versions.length;
  entry.writeDoubleLE(freshUntil, 4);
  entry.writeUInt32LE(body.length, 12);
  for (const [index, version] of versions.entries()) version.copy(entry, HEADER + VERSION_LENGTH * index);
  entry.set(body, bodyAt);
  const end = bodyAt + body.length;
  entry.writeUInt32LE(crc32(entry.subarray(0, end)), end);
  return entry;
}

/** Whether an entry is, to the bit, what was stored. */
export function isIntact(entry: Buffer): boolean {
  return crc32(entry) === INTACT;
}

/** Whether `values[0]` is an entry, of the length that it says, and what follows it are the versions that it was stored with. */
export function isCurrent(values: readonly (Buffer | null)[]): boolean {
  const entry = values[0];
  const tags = values.length - 1;
  if (!entry || entry.length < HEADER || entry.readUInt16LE(0) !== FORMAT || entry[3] !== tags) return false;
  if (entry[2]! > MISSING) return false;
  if (entry.length !== HEADER + VERSION_LENGTH * tags + entry.readUInt32LE(12) + CHECKSUM) return false;
  for (let tag = 0; tag < tags; tag += 1) {
    const version = values[tag + 1];
    const at = HEADER + VERSION_LENGTH * tag;
    if (version?.length !== VERSION_LENGTH) return false;
    if (version.readInt32LE(0) !== entry.readInt32LE(at) || version.readInt32LE(4) !== entry.readInt32LE(at + 4)) {
      return false;
    }
  }
  return true;
}

export function freshUntil(entry: Buffer): number {
  return entry.readDoubleLE(4);
}

/** The value, a view of the entry. @throws {NotFound} when that is what was stored */
export function valueOf(entry: Buffer): Buffer {
  const body = entry.subarray(HEADER + VERSION_LENGTH * entry[3]!, entry.length - CHECKSUM);
  if (entry[2] === VALUE) return body;
  const end = 4 + body.readUInt32LE(0);
  throw fromStatus({ code: Code.NOT_FOUND, message: body.toString('utf8', 4, end), details: body.subarray(end) });
}
