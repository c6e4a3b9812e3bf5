/** Bytes before each message: one for the compression, four for the length. */
const PREFIX = 5;

/** Counts the gRPC messages of a stream by their lengths alone, wherever its chunks begin and end. */
export class MessageCounter {
  complete = 0;
  /** How much of the current message's prefix has come, and how much of the message is still to come. */
  #prefix = 0;
  #left = 0;

  /** @param {Buffer} chunk */
  add(chunk) {
    let at = 0;
    while (at < chunk.length) {
      if (this.#prefix === PREFIX) {
        const taken = Math.min(this.#left, chunk.length - at);
        this.#left -= taken;
        at += taken;
      } else if (this.#prefix === 0 && chunk.length - at >= PREFIX) {
        this.#left = chunk.readUInt32BE(at + 1);
        this.#prefix = PREFIX;
        at += PREFIX;
      } else {
        // A prefix in two chunks. Its first byte is no part of the length.
        this.#left = this.#prefix === 0 ? 0 : this.#left * 256 + chunk[at];
        this.#prefix += 1;
        at += 1;
      }
      if (this.#prefix === PREFIX && this.#left === 0) {
        this.complete += 1;
        this.#prefix = 0;
      }
    }
  }

  /** Whether the last message is whole. */
  get whole() {
    return this.#prefix === 0;
  }
}
