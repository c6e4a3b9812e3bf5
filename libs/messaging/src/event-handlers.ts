import { Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { MessageCodec } from '@rookery/contracts';
import { decoratedMethods } from './decorated-methods.js';
import { type EventHandler, type HandlerOptions, declaredOf } from './on-event.decorator.js';

/** An `@OnEvent` method of an instance. */
export interface FoundHandler {
  /** `OrderEventsController.orderCreated` */
  readonly name: string;
  readonly codec: MessageCodec<unknown>;
  readonly options: HandlerOptions;
  readonly handle: EventHandler<unknown>;
}

/** Finds the `@OnEvent` methods of the application's controllers and providers. */
@Injectable()
export class EventHandlers {
  constructor(private readonly discovery: DiscoveryService) {}

  /** @throws when a type has two handlers, or a handler's class has no single instance */
  find(): FoundHandler[] {
    const found = new Map<string, FoundHandler>();
    for (const { name, declaration, call } of decoratedMethods(this.discovery, declaredOf, 'handles events')) {
      const { $type } = declaration.codec;
      const other = found.get($type);
      if (other) throw new Error(`${$type} is handled by ${other.name} and by ${name}; one has to call the other`);
      found.set($type, { name, ...declaration, handle: call as EventHandler<unknown> });
    }
    return [...found.values()];
  }
}
