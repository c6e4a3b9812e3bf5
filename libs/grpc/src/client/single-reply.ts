import { Metadata, type StatusObject } from '@grpc/grpc-js';
import { Code } from '@rookery/errors';
import { OutgoingCall } from './outgoing-call.js';

/** A call with one reply. */
export class SingleReply extends OutgoingCall {
  private bytes: Buffer | undefined;
  private wake: (() => void) | undefined;

  /** @throws {RookeryError} as the service threw it */
  async reply(): Promise<unknown> {
    if (!this.ended) await new Promise<void>((resolve) => (this.wake = resolve));
    this.throwFailure();
    if (this.bytes === undefined) throw this.errorOf(unexpected('no reply', this.status!.metadata));
    return this.method.decode(this.bytes);
  }

  onReceiveMessage(bytes: Buffer): void {
    if (this.bytes !== undefined) return this.abandon(this.errorOf(unexpected('more than one reply', new Metadata())));
    this.bytes = bytes;
    // While requests may still go out, the status is read only when somebody reads on.
    this.channelCall.startRead();
  }

  protected settle(): void {
    this.wake?.();
  }
}

/** A server that takes the method for one of another kind: UNIMPLEMENTED, says gRPC's statuscodes.md. */
function unexpected(what: string, metadata: Metadata): StatusObject {
  return { code: Code.UNIMPLEMENTED as number, details: `${what} to a call that takes exactly one`, metadata };
}
