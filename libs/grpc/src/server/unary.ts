import type { handleUnaryCall } from '@grpc/grpc-js';
import { decodeRequest, encodeReply } from './codec.js';
import { singleReply } from './reply-source.js';
import { toServerError } from './running-call.js';
import type { ServedMethod } from './served-method.js';

/** One request, one reply. */
export function unary(method: ServedMethod): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    const running = method.begin(call);
    const answer = running.run(async () => {
      const request = decodeRequest(method.definition, call.request);
      const result = await method.handle(request, call.metadata, call);
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
