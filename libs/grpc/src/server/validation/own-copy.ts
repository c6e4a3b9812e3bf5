type Copy = (value: unknown) => unknown;

const copies = new WeakMap<object, Map<string, Copy>>();

/** Has `instantiate` make an instance's property by `copy`, of what class-transformer has no right idea. */
export function copyBy(prototype: object, property: string, copy: Copy): void {
  const own = copies.get(prototype) ?? new Map<string, Copy>();
  copies.set(prototype, own.set(property, copy));
}

/** What `copyBy` was told of a property, by the class or one that it extends. */
export function ownCopyOf(prototype: object | null, property: string): Copy | undefined {
  if (prototype === null) return undefined;
  return copies.get(prototype)?.get(property) ?? ownCopyOf(Object.getPrototypeOf(prototype) as object | null, property);
}
