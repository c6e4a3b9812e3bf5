import { RequestStream } from './request-stream.js';
import { ServerCall } from './server-call.js';
import { isReset } from './transport.js';

/**
 * A client on Node that cancels, or whose deadline passes, says that it has sent all, and then that it has left. Without a
 * moment's patience, in milliseconds, the handler would take half of an upload for the whole.
 */
const CANCEL_FOLLOWS = 2;

/** What client streaming and bidi calls have in common: the handler runs at once and reads as it likes. */
export abstract class StreamedRequestsCall extends ServerCall {
  private readonly requests = new RequestStream(this.method.definition, this.transport);

  protected override open(): void {
    this.onEnd(() => this.requests.close(this.reason));
    this.serve(this.requests);
  }

  override onReceiveMessage(bytes: Uint8Array): void {
    this.requests.push(bytes);
  }

  override onReceiveHalfClose(): void {
    setTimeout(() => {
      if (this.ended) return;
      if (this.isLate || isReset(this.transport)) this.onCancel();
      else this.requests.end();
    }, CANCEL_FOLLOWS);
  }
}
