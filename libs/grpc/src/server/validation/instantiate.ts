import type { Type } from '@nestjs/common';
import { TransformationType, plainToInstance } from 'class-transformer';
import { ownCopyOf } from './own-copy.js';
import { transformRules } from './transform-rules.js';

/** Makes an instance of a class of a plain object. */
type Instantiate = (plain: object) => object;

/** How the values of a property are copied. */
interface Copy {
  /** Makes the instances of the class that its `@Type` names. */
  readonly instantiate?: Instantiate;
  /** Copies a value as class-transformer does. */
  readonly byClassTransformer: (value: object) => unknown;
}

const UNTYPED: Copy = {
  byClassTransformer: (value) =>
    Reflect.get(plainToInstance(undefined as never, { value }) as object, 'value') as unknown,
};

/** Messages have the fields of their proto. What has more names is no message, and they must not fill the memory. */
const MOST_PROPERTIES = 256;

/** Types that class-transformer treats apart. */
const BUILT_IN = new Set<unknown>([Object, String, Number, Boolean, Date, Buffer, Array, Map, Set, Promise]);

/** How a property is made: a copy, by a function of its own, not at all, or as only class-transformer knows. */
type Property = Copy | ((value: unknown) => unknown) | 'left out' | 'unknown';

const instantiators = new WeakMap<Type<object>, Instantiate>();

/**
 * `plainToInstance(type, plain)`, in a fraction of its time where the class and those nested in it say nothing to
 * class-transformer but `@Type`. What it does not know (`@Transform`, `@Expose`, discriminators…) it leaves to it.
 */
export function instantiate<T extends object>(type: Type<T>, plain: object): T {
  return (plain.constructor === Object ? instantiatorOf(type)(plain) : plainToInstance(type, plain)) as T;
}

function instantiatorOf(type: Type<object>): Instantiate {
  let known = instantiators.get(type);
  if (known === undefined) instantiators.set(type, (known = compile(type)));
  return known;
}

function compile(type: Type<object>): Instantiate {
  const byClassTransformer: Instantiate = (plain) => plainToInstance(type, plain);
  if (transformRules === undefined || transformRules.getStrategy(type) !== 'none') return byClassTransformer;
  if (transformRules.getExposedMetadatas(type).length > 0) return byClassTransformer;
  if (transformRules.getExcludedMetadatas(type).length > 0) return byClassTransformer;

  // Filled as properties turn up: which ones a message has is said nowhere at run time.
  const properties = new Map<string, Property>();
  return (plain) => {
    const instance = new type() as Record<string, unknown>;
    for (const name of Object.keys(plain)) {
      let property = properties.get(name);
      if (property === undefined) {
        property = properties.size < MOST_PROPERTIES ? propertyOf(type, name) : 'unknown';
        if (property !== 'unknown') properties.set(name, property);
      }
      if (property === 'unknown') return byClassTransformer(plain);
      if (property === 'left out' || typeof instance[name] === 'function') continue;
      const value = (plain as Record<string, unknown>)[name];
      instance[name] = typeof property === 'function' ? property(value) : copy(value, property);
    }
    return instance;
  };
}

function propertyOf(type: Type<object>, name: string): Property {
  const rules = transformRules!;
  const own = ownCopyOf(type.prototype as object, name);
  if (own !== undefined) return own;
  if (rules.findTransformMetadatas(type, name, TransformationType.PLAIN_TO_CLASS).length > 0) return 'unknown';
  if (name === '__proto__' || name === 'constructor') return 'left out';
  const descriptor = Object.getOwnPropertyDescriptor(type.prototype, name);
  if (descriptor !== undefined && descriptor.set === undefined) return 'left out';
  const typed = rules.findTypeMetadata(type, name);
  if (typed === undefined) return UNTYPED;
  // A function that takes arguments may answer something else each time.
  if (typed.typeFunction.length > 0 || typed.options?.discriminator !== undefined) return 'unknown';
  const nested = typed.typeFunction() as Type<object> | undefined;
  if (typeof nested !== 'function' || BUILT_IN.has(nested) || 'push' in nested.prototype) return 'unknown';
  if (![undefined, Array, Object, nested].includes(typed.reflectedType as never)) return 'unknown';
  return {
    instantiate: (plain) => instantiatorOf(nested)(plain),
    byClassTransformer: (value) => Reflect.get(plainToInstance(type, { [name]: value }), name) as unknown,
  };
}

function copy(value: unknown, property: Copy): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    // Not for…of: the gaps of an array are closed.
    value.forEach((element) => list.push(copy(element, property)));
    return list;
  }
  if (value instanceof Date) return new Date(value.valueOf());
  if (value instanceof Buffer) return Buffer.from(value);
  if (value instanceof Map || value instanceof Set || 'then' in value) return property.byClassTransformer(value);
  if (property.instantiate !== undefined) return property.instantiate(value);
  return value.constructor === Object ? copyPlain(value) : property.byClassTransformer(value);
}

/** An object of no class, such as a oneof. class-transformer leaves out what would hide a method of every object. */
function copyPlain(plain: object): object {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(plain)) {
    if (!(name in Object.prototype)) result[name] = copy(value, UNTYPED);
  }
  return result;
}
