import { Payload } from '@nestjs/microservices';
import { CacheAside } from '@rookery/cache';
import { GrpcController } from '@rookery/grpc';
import { BenchServiceDefinition, type GetItemRequest, type Item } from '../../generated/rookery/bench/v1/bench.js';
import { GetItemDto } from '../../servers/item.dto.js';
import { ItemController } from '../../servers/rookery/item.controller.js';
import { itemsModule } from './items.module.js';
import { serve } from './serve.js';
import { StoredItems } from './stored-items.js';

/** The same behind the cache. */
@GrpcController(BenchServiceDefinition)
class CachedItemController extends ItemController {
  constructor(private readonly items: StoredItems) {
    super();
  }

  @CacheAside<GetItemRequest>({ key: ({ id }) => `item:${id}`, ttl: '1h', tags: ({ id }) => [`item:${id}`] })
  override getItem(@Payload() { id }: GetItemDto): Promise<Item> {
    return this.items.get(id);
  }
}

await serve(itemsModule({ controller: CachedItemController, cache: true }));
