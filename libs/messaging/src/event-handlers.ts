import { Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import type { MessageCodec } from '@rookery/contracts';
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
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  /** @throws when a type has two handlers, or a handler's class has no single instance */
  find(): FoundHandler[] {
    const found = new Map<string, FoundHandler>();
    const seen = new Set<object>();
    for (const wrapper of [...this.discovery.getControllers(), ...this.discovery.getProviders()]) {
      const { instance, metatype } = wrapper as { instance: unknown; metatype: { prototype?: unknown } | null };
      const single = wrapper.isDependencyTreeStatic();
      // Of the instance where there is one: what a factory made is of no class that Nest knows.
      const prototype = single ? prototypeOf(instance) : metatype?.prototype;
      if (typeof prototype !== 'object' || prototype === null) continue;
      const methods = this.scanner.getAllMethodNames(prototype).filter((method) => decorated(prototype, method));
      if (methods.length === 0) continue;
      if (!single) {
        throw new Error(
          `${wrapper.name} handles events and is request-scoped; events have no request, make it a singleton`,
        );
      }
      // One instance can be provided under several tokens.
      if (typeof instance !== 'object' || instance === null || seen.has(instance)) continue;
      seen.add(instance);
      for (const method of methods) {
        const handler = handlerOf(instance, method);
        const { $type } = handler.codec;
        const other = found.get($type);
        if (other)
          throw new Error(`${$type} is handled by ${other.name} and by ${handler.name}; one has to call the other`);
        found.set($type, handler);
      }
    }
    return [...found.values()];
  }
}

function prototypeOf(instance: unknown): unknown {
  return typeof instance === 'object' && instance !== null ? Object.getPrototypeOf(instance) : undefined;
}

function decorated(prototype: object, method: string): boolean {
  const member: unknown = Reflect.get(prototype, method);
  return typeof member === 'function' && declaredOf(member) !== undefined;
}

function handlerOf(instance: object, method: string): FoundHandler {
  const member = Reflect.get(instance, method) as EventHandler<unknown>;
  return {
    name: `${instance.constructor.name}.${method}`,
    ...declaredOf(member)!,
    handle: (event, tx) => member.call(instance, event, tx),
  };
}
