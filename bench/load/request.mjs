// The two requests as gRPC frames: one byte for no compression, four for the length, the message.
import codecs from '../generated/static/bench.cjs';

const { GetItemRequest, StreamItemsRequest } = codecs.bench.v1;

export const ITEM_ID = '018f0000-0000-7000-8000-000000000000';
export const UNARY_PATH = '/bench.v1.BenchService/GetItem';
export const STREAM_PATH = '/bench.v1.BenchService/StreamItems';

function framed(message) {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

/** The body of a GetItem call. */
export function unaryRequest() {
  return framed(GetItemRequest.encode({ id: ITEM_ID, revision: 3 }).finish());
}

/** The body of a StreamItems call that asks for `count` items. */
export function streamRequest(count) {
  return framed(StreamItemsRequest.encode({ id: ITEM_ID, count }).finish());
}
