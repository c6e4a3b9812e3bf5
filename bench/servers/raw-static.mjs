// Raw grpc-js with codecs generated beforehand: protobufjs' static module, the fastest that is commonly generated.
import codecs from '../generated/static/bench.cjs';
import { serveRaw } from './raw.mjs';

function method(name, request, response, responseStream) {
  return {
    path: `/bench.v1.BenchService/${name}`,
    requestStream: false,
    responseStream,
    requestSerialize: (message) => request.encode(message).finish(),
    requestDeserialize: (bytes) => request.decode(bytes),
    responseSerialize: (message) => response.encode(message).finish(),
    responseDeserialize: (bytes) => response.decode(bytes),
  };
}

const { GetItemRequest, Item, StreamItemsRequest } = codecs.bench.v1;
serveRaw({
  getItem: method('GetItem', GetItemRequest, Item, false),
  streamItems: method('StreamItems', StreamItemsRequest, Item, true),
});
