import { replyOnce } from './reply-once.js';
import { StreamedRequestsCall } from './streamed-requests-call.js';

/** Many requests, one reply. */
export class ClientStreamingCall extends StreamedRequestsCall {
  protected override answer(result: unknown): void {
    replyOnce(this, result);
  }
}
