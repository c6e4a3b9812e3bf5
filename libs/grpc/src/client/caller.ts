import type { CallOptions } from './call-options.js';
import type { ClientMethod } from './client-method.js';
import { ReplyStream } from './reply-stream.js';
import { type RequestSource, sendRequests } from './send-requests.js';
import { SingleReply } from './single-reply.js';

/** A method of a typed client: a promise for one reply, an async iterable for many. */
export type Caller = (request: unknown, options?: CallOptions) => Promise<unknown> | AsyncIterable<unknown>;

const NO_OPTIONS: CallOptions = {};

/** What calls `method`, by its kind. */
export function callerOf(method: ClientMethod): Caller {
  const { requestStream, responseStream } = method.definition;
  if (requestStream) return responseStream ? bidiStreaming(method) : clientStreaming(method);
  return responseStream ? serverStreaming(method) : unary(method);
}

function unary(method: ClientMethod): Caller {
  return async (request, options = NO_OPTIONS) => {
    const bytes = method.encode(request);
    const call = new SingleReply(method, options).begin();
    call.sendOnly(bytes);
    return await call.reply();
  };
}

function clientStreaming(method: ClientMethod): Caller {
  return async (requests, options = NO_OPTIONS) => {
    const call = new SingleReply(method, options).begin();
    void sendRequests(requests as RequestSource, call, method.encode);
    return await call.reply();
  };
}

function serverStreaming(method: ClientMethod): Caller {
  return (request, options = NO_OPTIONS) => {
    const bytes = method.encode(request);
    return new ReplyStream(method, options, (call) => call.sendOnly(bytes));
  };
}

function bidiStreaming(method: ClientMethod): Caller {
  return (requests, options = NO_OPTIONS) =>
    new ReplyStream(method, options, (call) => void sendRequests(requests as RequestSource, call, method.encode));
}
