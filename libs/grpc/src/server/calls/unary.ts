import { replyOnce } from './reply-once.js';
import { SingleRequestCall } from './single-request-call.js';

/** One request, one reply. */
export class UnaryCall extends SingleRequestCall {
  protected override answer(result: unknown): void {
    replyOnce(this, result);
  }
}
