import type { handleBidiStreamingCall } from '@grpc/grpc-js';
import { readRequests } from './read-requests.js';
import { toServerError } from './running-call.js';
import type { ServedMethod } from './served-method.js';
import { writeReplies } from './write-replies.js';

/** Many requests, many replies, in any interleaving. */
export function bidiStreaming(method: ServedMethod): handleBidiStreamingCall<Buffer, Buffer> {
  return (call) => {
    const running = method.begin(call);
    const work = running.run(async () => {
      const requests = readRequests(method.definition, call, running);
      const result = await running.orEnded(method.handle(requests, call.metadata, call));
      await writeReplies(method.definition, result, call, running);
    });
    work.then(
      () => {
        call.end();
        method.finish(running);
      },
      (error: unknown) => {
        call.emit('error', toServerError(error, method.domain));
        method.finish(running, error);
      },
    );
  };
}
