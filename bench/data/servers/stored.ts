import { Module } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { GrpcController } from '@rookery/grpc';
import { ServiceModule } from '@rookery/service';
import { BenchServiceDefinition, type Item as ItemMessage } from '../../generated/rookery/bench/v1/bench.js';
import { GetItemDto, StreamItemsDto } from '../../servers/item.dto.js';
import { tsProtoItem } from '../../servers/item.mjs';
import { CreateItems1700000000100, Item } from './item.entity.js';
import { serve } from './serve.js';
import { StoredItems } from './stored-items.js';

@GrpcController(BenchServiceDefinition)
class StoredItemController {
  constructor(private readonly items: StoredItems) {}

  getItem(@Payload() { id }: GetItemDto): Promise<ItemMessage> {
    return this.items.get(id);
  }

  async *streamItems(@Payload() { id, count }: StreamItemsDto): AsyncIterable<ItemMessage> {
    for (let sent = 0; sent < count; sent += 1) yield tsProtoItem(id);
  }
}

/** Each call is a query. */
@Module({
  imports: [
    ServiceModule.register({
      name: 'bench-service',
      package: 'bench.v1',
      ports: { grpc: 0, http: 0 },
      database: { entities: [Item], migrations: [CreateItems1700000000100] },
    }),
  ],
  controllers: [StoredItemController],
  providers: [StoredItems],
})
class StoredModule {}

await serve(StoredModule);
