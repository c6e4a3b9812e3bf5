import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import type { MethodDefinition } from '@rookery/contracts';
import { decodeRequest } from './codec.js';

type Next = IteratorResult<object, undefined>;
const DONE: Next = { done: true, value: undefined };

interface Waiting {
  resolve(next: Next): void;
  reject(reason: unknown): void;
}

/**
 * What a client streams, decoded one by one as the handler asks for it: the next message is read from the connection
 * only then, so a slow handler slows the client down.
 */
export class RequestStream implements AsyncIterableIterator<object, undefined> {
  private readonly waiting: Waiting[] = [];
  private finished = false;
  private failure: { reason: unknown } | undefined;
  private left = false;

  constructor(
    private readonly definition: MethodDefinition,
    private readonly transport: Pick<ServerInterceptingCallInterface, 'startRead'>,
  ) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Next> {
    if (this.failure) return Promise.reject(this.failure.reason);
    if (this.finished || this.left) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => {
      if (this.waiting.push({ resolve, reject }) === 1) this.transport.startRead();
    });
  }

  /** The handler wants no more: what still comes is read and dropped, so that the client is not held up. */
  return(): Promise<Next> {
    if (!this.left && !this.finished && !this.failure) {
      this.left = true;
      if (this.waiting.length === 0) this.transport.startRead();
    }
    return Promise.resolve(DONE);
  }

  /** A message has come. */
  push(bytes: Uint8Array): void {
    const first = this.waiting.shift();
    if (first) {
      try {
        first.resolve({ done: false, value: decodeRequest(this.definition, bytes) });
      } catch (error) {
        return this.fail(error, first);
      }
    }
    if (this.left || this.waiting.length > 0) this.transport.startRead();
  }

  /** The client has said all. */
  end(): void {
    this.finished = true;
    for (const { resolve } of this.waiting.splice(0)) resolve(DONE);
  }

  /** The call has ended: whoever still reads gets `reason`, or nothing more when there is none. */
  close(reason: unknown): void {
    if (reason === undefined) this.end();
    else this.fail(reason, this.waiting.shift());
  }

  private fail(reason: unknown, first: Waiting | undefined): void {
    if (this.finished) return;
    this.failure ??= { reason };
    first?.reject(reason);
    for (const { reject } of this.waiting.splice(0)) reject(reason);
  }
}
