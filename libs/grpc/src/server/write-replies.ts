import { type EventEmitter, once } from 'node:events';
import type { MethodDefinition } from '@rookery/contracts';
import { encodeReply } from './codec.js';
import { manyReplies } from './reply-source.js';
import type { RunningCall } from './running-call.js';

type Sink = EventEmitter & { write(bytes: Buffer): boolean };

/**
 * Sends what the handler yields, one by one, and asks for the next only when the client's window has room: a slow
 * reader pauses the producer. When the call is ended from outside the producer is told (its `finally` runs).
 * @throws the reason when the call is ended from outside, or what the producer threw
 */
export async function writeReplies(
  definition: MethodDefinition,
  result: unknown,
  sink: Sink,
  running: RunningCall,
): Promise<void> {
  const replies = manyReplies(result, running.signal);
  try {
    for (;;) {
      const next = await running.orEnded(replies.next());
      if (next.done) return;
      const room = sink.write(encodeReply(definition, next.value));
      if (!room) await running.orEnded(once(sink, 'drain', { signal: running.signal }));
    }
  } finally {
    // Not awaited: a producer that is stuck in an await of its own must not keep the call open.
    void replies.return(undefined).catch(() => undefined);
  }
}
