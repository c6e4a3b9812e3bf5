import { replyMany } from './reply-many.js';
import { StreamedRequestsCall } from './streamed-requests-call.js';

/** Many requests, many replies, in any interleaving. */
export class BidiStreamingCall extends StreamedRequestsCall {
  protected override answer(result: unknown): void {
    replyMany(this, result);
  }
}
