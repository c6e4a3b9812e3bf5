/** A handler that can be paused is paused beyond this, until half of it is gone. */
const MOST = { messages: 32, bytes: 64 * 1024 };

/** What a message that waits costs beside its bytes. */
const MESSAGE_OVERHEAD = 64;

/** The replies of a call that are on their way to its reader: how many they may be is what pauses the handler. */
export class ReplyWindow {
  private messages = 0;
  private ended = false;
  private wake: (() => void) | undefined;
  /** Bytes that the reader has not taken. */
  bytes = 0;

  get hasRoom(): boolean {
    return this.messages < MOST.messages && this.bytes < MOST.bytes;
  }

  /** A message of so many bytes is on its way. @returns what `take` has to be told */
  add(length: number): number {
    const size = length + MESSAGE_OVERHEAD;
    this.messages += 1;
    this.bytes += size;
    return size;
  }

  /** The reader has taken a message. */
  take(size: number): void {
    this.messages -= 1;
    this.bytes -= size;
    if (this.wake && this.messages <= MOST.messages / 2 && this.bytes <= MOST.bytes / 2) this.awake();
  }

  /** Resolves when the reader has taken enough, or when the call has ended. */
  room(): Promise<void> {
    if (this.ended || this.hasRoom) return Promise.resolve();
    return new Promise((resolve) => (this.wake = resolve));
  }

  /** The call has ended: nobody needs to wait any more. */
  end(): void {
    this.ended = true;
    this.awake();
  }

  private awake(): void {
    const { wake } = this;
    this.wake = undefined;
    wake?.();
  }
}
