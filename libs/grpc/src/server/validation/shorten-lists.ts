import type { Type } from '@nestjs/common';
import { ValidationTypes, getMetadataStorage } from 'class-validator';
import { transformRules } from './transform-rules.js';

/** A property of a class in which there may be a list that is too long. */
interface Property {
  readonly name: string;
  /** Its `@ArrayMaxSize`; Infinity for none. */
  readonly most: number;
  /** The class of its objects, when they are validated by it. */
  readonly nested: Type<object> | undefined;
}

const properties = new WeakMap<Type<object>, readonly Property[]>();
const limited = new WeakMap<Type<object>, readonly Property[]>();

/**
 * `message`, in which each list that is longer than its `@ArrayMaxSize` has just one element too many, wherever it is
 * nested; `message` itself when there is none. So whether such a list is refused, and in which words, costs no more to
 * find out than a message of the greatest size that is allowed: a request of a million empty elements must not cost more
 * than its decoding.
 */
export function shortenLists(type: Type<object>, message: object): object {
  let shortened = message as Record<string, unknown>;
  for (const { name, most, nested } of limitedOf(type)) {
    const value: unknown = Reflect.get(message, name);
    const list = Array.isArray(value) && value.length > most ? value.slice(0, most + 1) : value;
    const short = nested === undefined ? list : shortenNested(nested, list);
    if (short === value) continue;
    if (shortened === message) shortened = { ...message };
    shortened[name] = short;
  }
  return shortened;
}

function shortenNested(type: Type<object>, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (!Array.isArray(value)) return shortenLists(type, value);
  let shortened: unknown[] = value;
  for (let index = 0; index < value.length; index++) {
    const short = shortenNested(type, value[index]);
    if (short === value[index]) continue;
    if (shortened === value) shortened = value.slice();
    shortened[index] = short;
  }
  return shortened;
}

/** Those of its properties that have a limit, or lead to one: nothing else is looked at in each message. */
function limitedOf(type: Type<object>): readonly Property[] {
  let known = limited.get(type);
  if (known === undefined) {
    known = propertiesOf(type).filter(({ most, nested }) => most < Infinity || (nested && leadsToLimit(nested)));
    limited.set(type, known);
  }
  return known;
}

function leadsToLimit(type: Type<object>, seen = new Set<Type<object>>()): boolean {
  if (seen.has(type)) return false;
  seen.add(type);
  return propertiesOf(type).some(({ most, nested }) => most < Infinity || (nested && leadsToLimit(nested, seen)));
}

function propertiesOf(type: Type<object>): readonly Property[] {
  let known = properties.get(type);
  if (known === undefined) {
    const metadatas = getMetadataStorage().getTargetValidationMetadatas(type, '', false, false);
    known = [...new Set(metadatas.map(({ propertyName }) => propertyName))].map((name) => {
      const own = metadatas.filter(({ propertyName }) => propertyName === name);
      const limits = own
        .filter((rule) => rule.name === 'arrayMaxSize' && !rule.each)
        .map(({ constraints }) => Number(constraints?.[0]));
      const validated = own.some((rule) => rule.type === ValidationTypes.NESTED_VALIDATION);
      return { name, most: Math.min(Infinity, ...limits), nested: validated ? classOf(type, name) : undefined };
    });
    properties.set(type, known);
  }
  return known;
}

/** The class that `@Type` names. One that depends on the value is not known before the value is an instance. */
function classOf(type: Type<object>, name: string): Type<object> | undefined {
  const typed = transformRules?.findTypeMetadata(type, name);
  if (typed === undefined || typed.typeFunction.length > 0) return undefined;
  const named: unknown = typed.typeFunction();
  return typeof named === 'function' ? (named as Type<object>) : undefined;
}
