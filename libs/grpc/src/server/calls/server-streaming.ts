import { replyMany } from './reply-many.js';
import { SingleRequestCall } from './single-request-call.js';

/** One request, many replies. */
export class ServerStreamingCall extends SingleRequestCall {
  protected override answer(result: unknown): void {
    replyMany(this, result);
  }
}
