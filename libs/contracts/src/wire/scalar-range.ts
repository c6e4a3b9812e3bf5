const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const UINT64_MAX = 2n ** 64n - 1n;

/** A 32-bit integer, given as what JavaScript callers have: a number, or its digits. @throws {Error} for any other value */
export function checkedInt32(value: unknown): number {
  return checkedInteger(value, 'int32', -0x80000000, 0x7fffffff);
}

/** As `checkedInt32`, unsigned. */
export function checkedUint32(value: unknown): number {
  return checkedInteger(value, 'uint32', 0, 0xffffffff);
}

function checkedInteger(value: unknown, type: string, least: number, most: number): number {
  if (typeof value !== 'number' && typeof value !== 'string') throw new Error(`invalid ${type}: ${typeof value}`);
  const number = Number(value);
  if (!Number.isInteger(number) || number < least || number > most) throw new Error(`invalid ${type}: ${number}`);
  return number;
}

/** A number that a float can hold: infinite and NaN are fine, finite numbers that would round to infinity are not. */
export function checkedFloat(value: unknown): number {
  if (typeof value !== 'number' && typeof value !== 'string') throw new Error(`invalid float32: ${typeof value}`);
  const number = Number(value);
  if (typeof value === 'string' && Number.isNaN(number) && value !== 'NaN')
    throw new Error(`invalid float32: ${value}`);
  if (Number.isFinite(number) && !Number.isFinite(Math.fround(number))) throw new Error(`invalid float32: ${number}`);
  return number;
}

/** A signed 64-bit integer of a bigint, a number or digits. @throws {Error} when it is none, or too large */
export function checkedInt64(value: bigint | number | string): bigint {
  const integer = typeof value === 'bigint' ? value : BigInt(value);
  if (integer > INT64_MAX || integer < INT64_MIN) throw new Error(`invalid int64: ${value}`);
  return integer;
}

/** As `checkedInt64`, unsigned. */
export function checkedUint64(value: bigint | number | string): bigint {
  const integer = typeof value === 'bigint' ? value : BigInt(value);
  if (integer > UINT64_MAX || integer < 0n) throw new Error(`invalid uint64: ${value}`);
  return integer;
}
