import { Module, type Type } from '@nestjs/common';
import { ServiceModule } from '@rookery/service';
import { CreateItems1700000000100, Item } from './item.entity.js';
import { StoredItems } from './stored-items.js';

/** A service whose `controller` has the items of the database; with a cache, in Redis or in memory as REDIS_URL says. */
export function itemsModule({ controller, cache }: { controller: Type; cache: boolean }): Type {
  @Module({
    imports: [
      ServiceModule.register({
        name: 'bench-service',
        package: 'bench.v1',
        ports: { grpc: 0, http: 0 },
        database: { entities: [Item], migrations: [CreateItems1700000000100] },
        cache,
      }),
    ],
    controllers: [controller],
    providers: [StoredItems],
  })
  class ItemsModule {}
  return ItemsModule;
}
