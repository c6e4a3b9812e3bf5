import { Controller } from '@nestjs/common';
import { OrderCancelled, OrderConfirmed, OrderCreated } from '@rookery/contracts/order/v1';
import { UserCreated } from '@rookery/contracts/user/v1';
import { OnEvent, type ReceivedEvent } from '@rookery/messaging';
import { EntityManager } from 'typeorm';
import { NotificationService } from './notification.service.js';

/** Turns what happened elsewhere into notifications. */
@Controller()
export class NotificationEventsController {
  constructor(private readonly notifications: NotificationService) {}

  @OnEvent(UserCreated)
  userCreated({ type, payload }: ReceivedEvent<UserCreated>, tx: EntityManager): Promise<void> {
    const text = `Welcome, ${payload.name}!`;
    return this.notifications.notify(tx, { userId: payload.id, eventType: type, resourceId: payload.id, text });
  }

  @OnEvent(OrderCreated)
  orderCreated({ type, payload }: ReceivedEvent<OrderCreated>, tx: EntityManager): Promise<void> {
    return this.order(tx, type, payload, 'was received');
  }

  @OnEvent(OrderConfirmed)
  orderConfirmed({ type, payload }: ReceivedEvent<OrderConfirmed>, tx: EntityManager): Promise<void> {
    return this.order(tx, type, payload, 'is confirmed');
  }

  @OnEvent(OrderCancelled)
  orderCancelled({ type, payload }: ReceivedEvent<OrderCancelled>, tx: EntityManager): Promise<void> {
    return this.order(tx, type, payload, 'is cancelled');
  }

  private order(
    tx: EntityManager,
    eventType: string,
    { id, userId }: { id: string; userId: string },
    what: string,
  ): Promise<void> {
    return this.notifications.notify(tx, { userId, eventType, resourceId: id, text: `Your order ${id} ${what}.` });
  }
}
