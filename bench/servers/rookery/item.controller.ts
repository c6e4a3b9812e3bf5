import { Payload } from '@nestjs/microservices';
import { GrpcController } from '@rookery/grpc';
import { BenchServiceDefinition, type Item } from '../../generated/rookery/bench/v1/bench.js';
import { GetItemDto, StreamItemsDto } from '../item.dto.js';
import { tsProtoItem } from '../item.mjs';

/** As a service of the workspace is written. */
@GrpcController(BenchServiceDefinition)
export class ItemController {
  async getItem(@Payload() { id }: GetItemDto): Promise<Item> {
    return tsProtoItem(id);
  }

  async *streamItems(@Payload() { id, count }: StreamItemsDto): AsyncIterable<Item> {
    for (let sent = 0; sent < count; sent += 1) yield tsProtoItem(id);
  }
}
