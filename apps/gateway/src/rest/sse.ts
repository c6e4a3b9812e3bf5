import { Readable } from 'node:stream';
import { type RookeryError, Unavailable } from '@rookery/errors';

/** A readable stream of messages that can be cancelled; grpc-js's `ClientReadableStream` is one. */
export interface MessageSource extends Readable {
  cancel(): void;
}

/** How an SseStream treats its source. */
export interface SseOptions<M, E> {
  /** One line of JSON. */
  encode(message: M): string;
  /** What the source's error means. */
  translate(error: E): RookeryError;
  /** One line of problem+json. */
  describe(error: unknown): string;
  /** Whether the service is there at all; without it silence says nothing. */
  connected(): boolean;
  timing?: SseTiming;
}

/** Milliseconds. */
export interface SseTiming {
  /** Proxies cut connections that are silent for 30 to 60 s. */
  readonly heartbeat: number;
  /** After the service's response metadata: an error that follows at once still gets its own HTTP status. */
  readonly grace: number;
  /** Without any sign: longer than a look-up takes, shorter than a person waits for "connected". */
  readonly silence: number;
}

export const SSE_TIMING: SseTiming = { heartbeat: 15_000, grace: 50, silence: 1000 };

/**
 * A server stream as text/event-stream: `data` (with `id`, from 1) for each message, at the end `event: end` or
 * `event: error`, a comment now and then. Reading it slowly pauses the RPC, destroying it cancels the RPC.
 *
 * **When is the HTTP status decided?** An error that comes before any message should be a 404, not a 200 with bad news in
 * it; but a stream that has nothing to say yet must not keep its client waiting for a head. So `opened` settles at the
 * first of: a message or a normal end (open); an error (rejected with it); the service's response metadata and `grace`
 * without an error after it (open: gRPC servers send metadata early only when they have accepted the call); `silence`
 * while the service is connected (open). Without a connection it goes on waiting: grpc-js will fail the call.
 */
export class SseStream<M, E> extends Readable {
  /** Resolves when a 200 may be sent, rejects with the error that is to be sent instead. */
  readonly opened: Promise<void>;
  private settleOpened!: (error?: RookeryError) => void;
  private readonly heartbeat: NodeJS.Timeout;
  private opening: NodeJS.Timeout | undefined;
  private state: 'opening' | 'open' | 'ended' = 'opening';
  private failure: RookeryError | undefined;
  private count = 0;
  private paused = false;

  constructor(
    private readonly source: MessageSource,
    private readonly options: SseOptions<M, E>,
  ) {
    super();
    const { heartbeat, grace, silence } = options.timing ?? SSE_TIMING;
    this.opened = new Promise((resolve, reject) => {
      this.settleOpened = (error) => (error ? reject(error) : resolve());
    });
    this.heartbeat = setInterval(() => this.comment('keep-alive'), heartbeat);
    this.openAfter(silence);
    source.on('metadata', () => this.openAfter(grace));
    source.on('data', (message: M) => this.message(message));
    source.on('error', (error: E) => this.failed(error));
    source.on('end', () => this.finish());
    source.on('close', () => this.finish());
  }

  /** Ends the stream with an error of the gateway's own. */
  fail(error: RookeryError): void {
    this.failure ??= error;
    this.finish();
    this.source.cancel();
  }

  override _read(): void {
    if (!this.paused) return;
    this.paused = false;
    this.source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.stop();
    this.settleOpened(new Unavailable('The stream was closed before it opened.'));
    this.source.cancel();
    callback(error);
  }

  private openAfter(delay: number): void {
    if (this.state !== 'opening') return;
    clearTimeout(this.opening);
    this.opening = setTimeout(() => {
      if (this.options.connected()) this.open();
      else this.openAfter(delay);
    }, delay);
  }

  private open(): void {
    if (this.state !== 'opening') return;
    this.state = 'open';
    clearTimeout(this.opening);
    // Node sends the head with the first byte.
    this.push(': open\n\n');
    this.settleOpened();
  }

  private message(message: M): void {
    if (this.state === 'ended') return;
    let line: string;
    try {
      line = this.options.encode(message);
    } catch (error) {
      this.failure = this.options.translate(error as E);
      this.finish();
      this.source.cancel();
      return;
    }
    this.open();
    if (!this.push(`id: ${++this.count}\ndata: ${line}\n\n`)) {
      this.paused = true;
      this.source.pause();
    }
  }

  /** grpc-js reports an error at once, even while messages that came before it still wait for a slow client. */
  private failed(error: E): void {
    this.failure ??= this.options.translate(error);
    if (this.state === 'opening') this.finish();
  }

  private finish(): void {
    if (this.state === 'ended') return;
    if (this.failure && this.state === 'opening') {
      this.settleOpened(this.failure);
      this.destroy();
      return;
    }
    this.open();
    this.push(
      this.failure ? `event: error\ndata: ${this.options.describe(this.failure)}\n\n` : 'event: end\ndata: {}\n\n',
    );
    this.push(null);
    this.stop();
  }

  private stop(): void {
    this.state = 'ended';
    clearInterval(this.heartbeat);
    clearTimeout(this.opening);
  }

  private comment(text: string): void {
    // A client that does not read needs no sign of life.
    if (this.state === 'open' && this.readableLength === 0) this.push(`: ${text}\n\n`);
  }
}
