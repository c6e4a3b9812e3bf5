import { Module } from '@nestjs/common';
import { UserServiceDefinition } from '@rookery/contracts/user/v1';
import { ServiceModule } from '@rookery/service';
import { CreateOrders1700000000200 } from './migrations/1700000000200-create-orders.js';
import { OrderConfig } from './order.config.js';
import { OrderController } from './order.controller.js';
import { OrderEventsController } from './order-events.controller.js';
import { Order } from './order.entity.js';
import { OrderService } from './order.service.js';
import { UserDirectory } from './user-directory.js';

@Module({
  imports: [
    ServiceModule.register({
      name: 'order-service',
      package: 'order.v1',
      ports: { grpc: 50052, http: 8082 },
      database: { entities: [Order], migrations: [CreateOrders1700000000200] },
      cache: true,
      messaging: true,
      clients: [UserServiceDefinition],
      config: [OrderConfig],
    }),
  ],
  controllers: [OrderController, OrderEventsController],
  providers: [OrderService, UserDirectory],
})
export class OrderServiceModule {}
