import { setImmediate as turn } from 'node:timers/promises';
import type { OutgoingCall } from './outgoing-call.js';

/**
 * While the channel's buffer has room, sending waits for nothing that lets the event loop go round: after so many messages
 * it is given a turn, or a source of small messages would hold up the whole process.
 */
const MESSAGES_PER_TURN = 64;

/** What the caller of a method with a request stream gives. */
export type RequestSource = AsyncIterable<unknown> | Iterable<unknown>;

/**
 * Sends what the caller yields, as fast as the server takes it. A source that throws cancels the call, which fails with
 * that very error; a call that ends tells the source to stop, as does a request that cannot be encoded. Never rejects.
 */
export async function sendRequests(
  source: RequestSource,
  call: OutgoingCall,
  encode: (request: unknown) => Buffer,
): Promise<void> {
  // A source that has thrown has stopped by itself.
  let asking = true;
  try {
    const requests = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    call.onEnd(() => void stop(requests));
    for (let sent = 1; !call.ended; sent += 1) {
      asking = true;
      const { done, value } = await requests.next();
      asking = false;
      if (call.ended) return;
      if (done) {
        call.onEnd(undefined);
        return call.endRequests();
      }
      await call.send(encode(value));
      if (sent % MESSAGES_PER_TURN === 0) await turn();
    }
  } catch (error) {
    if (asking) call.onEnd(undefined);
    call.abandon(error);
  }
}

/** Runs the source's `finally`. What that throws has nobody left to hear it: the call has ended. */
async function stop(requests: AsyncIterator<unknown> | Iterator<unknown>): Promise<void> {
  try {
    await requests.return?.();
  } catch {
    return;
  }
}
