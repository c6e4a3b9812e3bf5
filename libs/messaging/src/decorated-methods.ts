import { type DiscoveryService, MetadataScanner } from '@nestjs/core';

/** A method that a decorator declared something of. */
export interface DecoratedMethod<Declaration> {
  /** `OrderEventsController.orderCreated` */
  readonly name: string;
  readonly declaration: Declaration;
  /** The method, bound to its instance. Its decorator saw to what it takes and returns. */
  readonly call: (...args: never[]) => unknown;
}

/**
 * The decorated methods of an application's controllers and providers, for what calls them without a request: events
 * and jobs.
 * @param declarationOf what the decorator said of a function, or undefined when it is not decorated
 * @param does for the message: `handles events`
 * @throws when one is of a class that has no single instance
 */
export function decoratedMethods<Declaration>(
  discovery: DiscoveryService,
  declarationOf: (method: object) => Declaration | undefined,
  does: string,
): DecoratedMethod<Declaration>[] {
  const scanner = new MetadataScanner();
  // By instance: one can be provided under several tokens.
  const found = new Map<object, DecoratedMethod<Declaration>[]>();
  for (const wrapper of [...discovery.getControllers(), ...discovery.getProviders()]) {
    const { instance, metatype } = wrapper as { instance: unknown; metatype: { prototype?: unknown } | null };
    const single = wrapper.isDependencyTreeStatic();
    if (single && !isObject(instance)) continue;
    // Of the instance where there is one: what a factory made is of no class that Nest knows.
    const prototype: unknown = single ? Object.getPrototypeOf(instance) : metatype?.prototype;
    if (!isObject(prototype)) continue;
    const methods = scanner.getAllMethodNames(prototype).flatMap((key) => {
      const method = Reflect.get(prototype, key) as DecoratedMethod<Declaration>['call'];
      const declaration = declarationOf(method);
      if (declaration === undefined) return [];
      return [{ name: `${prototype.constructor.name}.${key}`, declaration, call: method.bind(instance) }];
    });
    if (methods.length === 0) continue;
    if (!single)
      throw new Error(`${wrapper.name} ${does} and is request-scoped; there is no request, make it a singleton`);
    found.set(instance as object, methods);
  }
  return [...found.values()].flat();
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
