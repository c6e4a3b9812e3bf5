import { Controller, Module } from '@nestjs/common';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { OnEvent, type ReceivedEvent } from '@rookery/messaging';
import { ServiceModule } from '@rookery/service';
import { EntityManager } from 'typeorm';
import { ItemController } from '../../servers/rookery/item.controller.js';
import { CreateEntries1700000000200, Entry } from './entry.entity.js';
import { monotonic } from './monotonic.js';
import { serve } from './serve.js';

/** When the handler of each event started, by the order's id. */
let starts: [string, number][] = [];
let handled = 0;

@Controller()
class EntriesController {
  @OnEvent(OrderCreated)
  async orderCreated({ payload: { id, userId } }: ReceivedEvent<OrderCreated>, tx: EntityManager): Promise<void> {
    starts.push([id, monotonic()]);
    await tx.insert(Entry, { id, text: userId });
    handled += 1;
  }
}

@Module({
  imports: [
    ServiceModule.register({
      name: 'bench-consumer',
      package: 'bench.v1',
      ports: { grpc: 0, http: 0 },
      database: { entities: [Entry], migrations: [CreateEntries1700000000200] },
      messaging: true,
    }),
  ],
  controllers: [ItemController, EntriesController],
})
class ConsumerModule {}

await serve(ConsumerModule, () => ({
  async progress() {
    return { handled, at: monotonic() };
  },
  /** What has started since it was last asked. */
  async starts() {
    const since = starts;
    starts = [];
    return { starts: since };
  },
}));
