import type { CallOptions } from './call-options.js';
import type { ClientMethod } from './client-method.js';
import { OutgoingCall } from './outgoing-call.js';

/**
 * Replies that are asked for ahead of the reader: enough that it does not wait for a round trip each, and all that is held
 * for a reader that has stopped (besides HTTP/2's window). Then the server has to wait.
 */
const AHEAD = 16;

const OVER = { done: true, value: undefined } as const;

/** A call with many replies, which begins when somebody reads the first one and ends when he leaves. */
export class ReplyStream extends OutgoingCall implements AsyncIterableIterator<unknown> {
  private readonly replies: Buffer[] = [];
  private readonly readers: ((reply?: Buffer) => void)[] = [];
  private state: 'new' | 'open' | 'over' = 'new';
  private paused = false;

  /** @param request sends the request, or begins to send the requests */
  constructor(
    method: ClientMethod,
    options: CallOptions,
    private readonly request: (call: ReplyStream) => void,
  ) {
    super(method, options);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @throws {RookeryError} as the service threw it, once; the replies that came before are read first */
  async next(): Promise<IteratorResult<unknown, undefined>> {
    if (this.state === 'over') return OVER;
    if (this.state === 'new') {
      this.state = 'over';
      this.request(this.begin());
      this.state = 'open';
    }
    let bytes = this.replies.shift();
    if (bytes) this.readOn();
    else if (!this.ended) bytes = await new Promise<Buffer | undefined>((resolve) => this.readers.push(resolve));
    if (this.state === 'open') {
      if (bytes) return { done: false, value: this.decoded(bytes) };
      this.state = 'over';
      this.throwFailure();
    }
    return OVER;
  }

  /** The reader leaves: cancels the call. */
  async return(): Promise<IteratorResult<unknown, undefined>> {
    if (this.state === 'open') this.abandon(undefined);
    this.state = 'over';
    this.replies.length = 0;
    return OVER;
  }

  override abandon(error: unknown): void {
    // Whoever gives up gets no more replies, just the error.
    if (!this.ended) this.replies.length = 0;
    super.abandon(error);
  }

  onReceiveMessage(bytes: Buffer): void {
    const reader = this.readers.shift();
    if (reader) reader(bytes);
    else this.replies.push(bytes);
    this.paused = this.replies.length >= AHEAD;
    if (!this.paused) this.channelCall.startRead();
  }

  protected settle(): void {
    for (const reader of this.readers.splice(0)) reader();
  }

  /** A reader that has caught up by half lets the server go on. */
  private readOn(): void {
    if (!this.paused || this.replies.length > AHEAD / 2) return;
    this.paused = false;
    this.channelCall.startRead();
  }

  private decoded(bytes: Buffer): unknown {
    try {
      return this.method.decode(bytes);
    } catch (error) {
      this.state = 'over';
      this.abandon(error);
      throw error;
    }
  }
}
