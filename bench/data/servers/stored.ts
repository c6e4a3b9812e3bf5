import { Payload } from '@nestjs/microservices';
import { GrpcController } from '@rookery/grpc';
import { BenchServiceDefinition, type Item } from '../../generated/rookery/bench/v1/bench.js';
import { GetItemDto } from '../../servers/item.dto.js';
import { ItemController } from '../../servers/rookery/item.controller.js';
import { itemsModule } from './items.module.js';
import { serve } from './serve.js';
import { StoredItems } from './stored-items.js';

/** Each call is a query. */
@GrpcController(BenchServiceDefinition)
class StoredItemController extends ItemController {
  constructor(private readonly items: StoredItems) {
    super();
  }

  override getItem(@Payload() { id }: GetItemDto): Promise<Item> {
    return this.items.get(id);
  }
}

await serve(itemsModule({ controller: StoredItemController, cache: false }));
