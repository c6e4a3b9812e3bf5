// What both raw servers do: grpc-js as its documentation shows it, with a stream that waits for its reader.
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { announce } from './announce.mjs';
import { protobufjsItem } from './item.mjs';

const implementation = {
  getItem: (call, callback) => callback(null, protobufjsItem(call.request.id)),
  streamItems: (call) => {
    const { id, count } = call.request;
    let sent = 0;
    const write = () => {
      while (sent < count) {
        sent += 1;
        if (!call.write(protobufjsItem(id))) return void call.once('drain', write);
      }
      call.end();
    };
    write();
  },
};

/** Serves the bench's service by the codecs of `definition`. */
export function serveRaw(definition) {
  const server = new Server();
  server.addService(definition, implementation);
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    announce(port);
  });
}
