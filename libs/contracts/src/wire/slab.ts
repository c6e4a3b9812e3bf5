import type { NodeBuffer } from './node-buffer.js';

/**
 * Bytes of the slab that small messages share, so that a message costs no allocation of its own. A message that somebody
 * keeps keeps its slab alive, which is why a slab is no larger.
 */
const SLAB_BYTES = 32 * 1024;

/** Memory that messages are written into, one after another. */
export class Slab {
  /** Where the next message goes. What is before is never written again. */
  used = 0;

  readonly bytes: NodeBuffer;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size) as NodeBuffer;
  }

  get room(): number {
    return this.bytes.length - this.used;
  }
}

let free: Slab | undefined;

/** The shared slab. It is the taker's until `release`: whoever encodes meanwhile gets another, so messages never mix. */
export function takeSlab(): Slab {
  const slab = free ?? new Slab(SLAB_BYTES);
  free = undefined;
  return slab;
}

/** A slab with room for `size` bytes; a message that is larger than the shared ones gets one of its own. */
export function slabFor(size: number): Slab {
  return new Slab(Math.max(SLAB_BYTES, 2 ** Math.ceil(Math.log2(size))));
}

/** Shares what is left of a slab. One that never comes back, because encoding failed, is collected. */
export function release(slab: Slab): void {
  if (slab.bytes.length === SLAB_BYTES && (free === undefined || free.room < slab.room)) free = slab;
}
