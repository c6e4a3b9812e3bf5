import 'reflect-metadata';
import { type ArgumentMetadata, Injectable, type PipeTransform, type Type } from '@nestjs/common';
import { type FieldViolation, InvalidArgument } from '@rookery/errors';
import { type ValidationError, getMetadataStorage, validate } from 'class-validator';
import { instantiate } from './validation/instantiate.js';
import { isSurelyValid } from './validation/is-surely-valid.js';

/** Parameter types that say nothing of the message's fields. */
const OPAQUE = new Set<unknown>([Object, String, Number, Boolean, Array, Promise, Function]);

/** Violations that a caller is told of: a status travels in HTTP/2 headers, which have little room. */
const MOST_VIOLATIONS = 20;
const MOST_NAMED = 5;

/** `unitPrice` as the proto names it: `unit_price`. */
function protoName(property: string): string {
  return property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function violationsOf(errors: ValidationError[], path = ''): FieldViolation[] {
  return errors.flatMap(({ property, constraints = {}, children = [] }) => {
    const element = /^\d+$/.test(property);
    const field = element
      ? `${path}[${property}]`
      : path === ''
        ? protoName(property)
        : `${path}.${protoName(property)}`;
    const own = Object.values(constraints).map((description) => ({ field, description }));
    return [...own, ...violationsOf(children, field)];
  });
}

/** The properties of a class that are lists, with the most elements that they may have. */
const limits = new WeakMap<Type<object>, readonly (readonly [property: string, most: number])[]>();

function limitsOf(type: Type<object>) {
  let known = limits.get(type);
  if (known === undefined) {
    known = getMetadataStorage()
      .getTargetValidationMetadatas(type, '', false, false)
      .filter(({ name, constraints }) => name === 'arrayMaxSize' && typeof constraints?.[0] === 'number')
      .map(({ propertyName, constraints }) => [propertyName, constraints[0] as number] as const);
    limits.set(type, known);
  }
  return known;
}

/**
 * The lists of the message that are longer than their `@ArrayMaxSize`. They are found before anything is made of their
 * elements: a request of a million empty elements must not cost more than its decoding.
 */
function tooLong(type: Type<object>, message: object): FieldViolation[] {
  return limitsOf(type).flatMap(([property, most]) => {
    const value: unknown = Reflect.get(message, property);
    if (!Array.isArray(value) || value.length <= most) return [];
    const description = `${property} must contain no more than ${most} elements`;
    return [{ field: protoName(property), description }];
  });
}

function refuse(all: FieldViolation[]): never {
  const fields = [...new Set(all.map(({ field }) => field))];
  const more = fields.length > MOST_NAMED ? ` and ${fields.length - MOST_NAMED} more` : '';
  const violations = all.slice(0, MOST_VIOLATIONS);
  throw new InvalidArgument(`invalid ${fields.slice(0, MOST_NAMED).join(', ')}${more}`, { violations });
}

/**
 * A decoded message as an instance of its DTO class: at once when it is surely valid, else a promise, because a rule may
 * be asynchronous. Whatever there is to say of an invalid message, class-validator says.
 * @throws {InvalidArgument} with one violation for each field that breaks a rule of the class, 20 at most
 */
export function validateAs<T extends object>(type: Type<T>, message: object): T | Promise<T> {
  const lists = tooLong(type, message);
  if (lists.length > 0) refuse(lists);
  const instance = instantiate(type, message);
  return isSurelyValid(instance) ? instance : validateByClassValidator(instance);
}

async function validateByClassValidator<T extends object>(instance: T): Promise<T> {
  const violations = violationsOf(await validate(instance, { forbidUnknownValues: false }));
  if (violations.length > 0) refuse(violations);
  return instance;
}

/** Validates the request of every gRPC handler by the DTO class that its signature names. */
@Injectable()
export class ValidationPipe implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (type !== 'body' || metatype === undefined || OPAQUE.has(metatype)) return value;
    if (typeof value !== 'object' || value === null || Symbol.asyncIterator in value) return value;
    return validateAs(metatype as Type<object>, value);
  }
}
