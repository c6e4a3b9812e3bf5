import type { handleServerStreamingCall } from '@grpc/grpc-js';
import { decodeRequest } from './codec.js';
import { toServerError } from './running-call.js';
import type { ServedMethod } from './served-method.js';
import { writeReplies } from './write-replies.js';

/** One request, many replies. */
export function serverStreaming(method: ServedMethod): handleServerStreamingCall<Buffer, Buffer> {
  return (call) => {
    const running = method.begin(call);
    const work = running.run(async () => {
      const request = decodeRequest(method.definition, call.request);
      const result = await running.orEnded(method.handle(request, call.metadata, call));
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
