import { Controller } from '@nestjs/common';
import { CancelStaleOrder } from '@rookery/contracts/order/v1';
import { OnEvent, type ReceivedEvent } from '@rookery/messaging';
import { EntityManager } from 'typeorm';
import { OrderService } from './order.service.js';

/** What order-service asked itself to do later. */
@Controller()
export class OrderEventsController {
  constructor(private readonly orders: OrderService) {}

  @OnEvent(CancelStaleOrder)
  async cancelStaleOrder({ payload }: ReceivedEvent<CancelStaleOrder>, tx: EntityManager): Promise<void> {
    await this.orders.cancelStale(tx, payload.id);
  }
}
