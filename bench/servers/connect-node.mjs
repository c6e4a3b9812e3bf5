// connect-es over Node's http2, as its documentation shows it. It speaks gRPC beside its own protocol.
import { createServer } from 'node:http2';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { BenchService } from '../generated/es/bench/v1/bench_pb.js';
import { announce } from './announce.mjs';
import { protobufEsItem } from './item.mjs';

const routes = (router) =>
  router.service(BenchService, {
    getItem: ({ id }) => protobufEsItem(id),
    async *streamItems({ id, count }) {
      for (let sent = 0; sent < count; sent += 1) yield protobufEsItem(id);
    },
  });

const server = createServer(connectNodeAdapter({ routes }));
server.listen(0, '127.0.0.1', () => announce(server.address().port));
