import { Injectable } from '@nestjs/common';
import { type RookeryError } from '@rookery/errors';

/** An answer that goes on until somebody ends it. */
export interface Endable {
  fail(error: RookeryError): void;
  once(event: 'close', listener: () => void): unknown;
}

/** The SSE streams that run. They never end by themselves, so a shutdown has to end them. */
@Injectable()
export class OpenStreams {
  private readonly streams = new Set<Endable>();
  private closing: (() => RookeryError) | undefined;

  add(stream: Endable): void {
    if (this.closing) {
      stream.fail(this.closing());
      return;
    }
    this.streams.add(stream);
    stream.once('close', () => this.streams.delete(stream));
  }

  /** Ends every stream, and at once any that comes later. */
  close(error: () => RookeryError): void {
    this.closing = error;
    for (const stream of this.streams) stream.fail(error());
  }
}
