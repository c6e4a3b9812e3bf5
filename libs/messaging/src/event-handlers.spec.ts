import { Controller, Injectable, Scope, type Type } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { OrderConfirmed, OrderCreated } from '@rookery/contracts/order/v1';
import { describe, expect, it } from 'vitest';
import type { ReceivedEvent } from './event.js';
import { EventHandlers } from './event-handlers.js';
import { OnEvent } from './on-event.decorator.js';

@Controller()
class OrderEventsController {
  readonly seen: string[] = [];

  @OnEvent(OrderCreated)
  async orderCreated({ payload }: ReceivedEvent<OrderCreated>): Promise<void> {
    this.seen.push(payload.id);
  }
}

@Injectable()
class Audit {
  @OnEvent(OrderConfirmed)
  async confirmed(): Promise<void> {}
}

@Injectable()
class SecondAudit {
  @OnEvent(OrderCreated)
  async created(): Promise<void> {}
}

@Injectable({ scope: Scope.REQUEST })
class PerRequest {
  @OnEvent(OrderConfirmed)
  async confirmed(): Promise<void> {}
}

async function handlersOf(...providers: (Type | { provide: string; useFactory: () => object })[]) {
  const builder = Test.createTestingModule({
    imports: [DiscoveryModule],
    controllers: [OrderEventsController],
    providers: [EventHandlers, ...providers],
  });
  const app = await builder.compile();
  return { app, find: () => app.get(EventHandlers).find() };
}

describe('EventHandlers', () => {
  it('finds the methods of controllers and providers, bound to their instance', async () => {
    const { app, find } = await handlersOf(Audit);
    const found = find();
    expect(found.map(({ name, codec }) => [name, codec.$type])).toEqual([
      ['OrderEventsController.orderCreated', 'order.v1.OrderCreated'],
      ['Audit.confirmed', 'order.v1.OrderConfirmed'],
    ]);
    const event = { payload: { id: 'o-1' } } as ReceivedEvent<OrderCreated>;
    await found[0]!.handle(event, undefined as never);
    expect(app.get(OrderEventsController).seen).toEqual(['o-1']);
  });

  it('finds the methods of what a factory made', async () => {
    const { find } = await handlersOf({ provide: 'audit', useFactory: () => new Audit() });
    expect(find().map(({ name }) => name)).toContain('Audit.confirmed');
  });

  it('refuses two handlers of one type, naming both', async () => {
    const { find } = await handlersOf(SecondAudit);
    expect(find).toThrow(
      'order.v1.OrderCreated is handled by OrderEventsController.orderCreated and by SecondAudit.created',
    );
  });

  it('refuses a handler whose class has no single instance', async () => {
    const { find } = await handlersOf(PerRequest);
    expect(find).toThrow('PerRequest handles events and is request-scoped');
  });
});
