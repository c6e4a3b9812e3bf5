/** 4 MiB. Of 100,000 keys, one in 300 others is held by mistake. */
const BITS = 2 ** 25;

/**
 * Keys of which no more events may be published for now. However many they are, it takes the same memory: a Bloom
 * filter with one hash. Never says no by mistake, so nothing overtakes another event of its key.
 */
export class HeldKeys {
  private bits: Uint8Array | undefined;

  add(key: string): void {
    this.bits ??= new Uint8Array(BITS / 8);
    const bit = hash(key);
    this.bits[bit >>> 3]! |= 1 << (bit & 7);
  }

  has(key: string): boolean {
    if (!this.bits) return false;
    const bit = hash(key);
    return (this.bits[bit >>> 3]! & (1 << (bit & 7))) !== 0;
  }

  clear(): void {
    this.bits = undefined;
  }
}

/** FNV-1a, its halves folded into each other. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return ((value >>> 0) ^ (value >>> 25)) & (BITS - 1);
}
