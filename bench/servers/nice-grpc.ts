// nice-grpc on ts-proto, the generator that it recommends.
import { createServer } from 'nice-grpc';
import {
  BenchServiceDefinition,
  type GetItemRequest,
  type StreamItemsRequest,
} from '../generated/ts-proto/bench/v1/bench.js';
import { announce } from './announce.mjs';
import { tsProtoItem } from './item.mjs';

const server = createServer();
server.add(BenchServiceDefinition, {
  getItem: async ({ id }: GetItemRequest) => tsProtoItem(id),
  async *streamItems({ id, count }: StreamItemsRequest) {
    for (let sent = 0; sent < count; sent += 1) yield tsProtoItem(id);
  },
});
announce(await server.listen('127.0.0.1:0'));
