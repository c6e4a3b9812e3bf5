import type { handleClientStreamingCall } from '@grpc/grpc-js';
import { encodeReply } from './codec.js';
import { readRequests } from './read-requests.js';
import { singleReply } from './reply-source.js';
import { toServerError } from './running-call.js';
import type { ServedMethod } from './served-method.js';

/** Many requests, one reply. */
export function clientStreaming(method: ServedMethod): handleClientStreamingCall<Buffer, Buffer> {
  return (call, callback) => {
    const running = method.begin(call);
    const answer = running.run(async () => {
      const result = await method.handle(readRequests(method.definition, call, running), call.metadata, call);
      return encodeReply(method.definition, await singleReply(result, running.signal));
    });
    running.orEnded(answer).then(
      (reply) => {
        callback(null, reply);
        method.finish(running);
      },
      (error: unknown) => {
        callback(toServerError(error, method.domain));
        method.finish(running, error);
      },
    );
  };
}
