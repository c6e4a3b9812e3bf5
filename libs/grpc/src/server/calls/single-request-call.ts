import { Unimplemented } from '@rookery/errors';
import { decodeRequest } from './codec.js';
import { ServerCall } from './server-call.js';

/** What unary and server streaming calls have in common: the handler runs when the one request is there. */
export abstract class SingleRequestCall extends ServerCall {
  private bytes: Uint8Array | undefined;

  protected override open(): void {
    this.transport.startRead();
  }

  override onReceiveMessage(bytes: Uint8Array): void {
    // The gRPC protocol's code for a wrong number of messages.
    if (this.bytes) return this.fail(new Unimplemented('the call has more than one request message'));
    this.bytes = bytes;
    this.transport.startRead();
  }

  override onReceiveHalfClose(): void {
    if (this.ended) return;
    if (!this.bytes) return this.fail(new Unimplemented('the call has no request message'));
    let request: object;
    try {
      request = decodeRequest(this.method.definition, this.bytes);
    } catch (error) {
      return this.fail(error);
    }
    this.serve(request);
  }
}
