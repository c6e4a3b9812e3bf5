import 'reflect-metadata';
import { type ArgumentMetadata, Injectable, type PipeTransform, type Type } from '@nestjs/common';
import { type FieldViolation, InvalidArgument } from '@rookery/errors';
import { type ValidationError, validate } from 'class-validator';
import { caseOf } from './rules/one-of.decorator.js';
import { instantiate } from './validation/instantiate.js';
import { isSurelyValid } from './validation/is-surely-valid.js';
import { shortenLists } from './validation/shorten-lists.js';

/** Parameter types that say nothing of the message's fields. */
const OPAQUE = new Set<unknown>([Object, String, Number, Boolean, Array, Promise, Function]);

/** Violations that a caller is told of: a status travels in HTTP/2 headers, which have little room. */
const MOST_VIOLATIONS = 20;
const MOST_NAMED = 5;

/** `unitPrice` as the proto names it: `unit_price`. */
function protoName(property: string): string {
  return property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A proto knows the members of a oneof as fields of the message: `card.number`, not `method.value.number`. */
function byMember(error: ValidationError): ValidationError[] {
  const property = caseOf(error.value);
  if (property === undefined || error.constraints !== undefined) return [error];
  return (error.children ?? []).map((value) => ({ ...value, property }) as ValidationError);
}

/** @param told whether to tell of what breaks a rule of that name */
function violationsOf(errors: ValidationError[], told: (rule: string) => boolean, path = ''): FieldViolation[] {
  return errors.flatMap(byMember).flatMap(({ property, constraints = {}, children = [] }) => {
    const element = /^\d+$/.test(property);
    const field = element
      ? `${path}[${property}]`
      : path === ''
        ? protoName(property)
        : `${path}.${protoName(property)}`;
    const own = Object.entries(constraints)
      .filter(([rule]) => told(rule))
      .map(([, description]) => ({ field, description }));
    return [...own, ...violationsOf(children, told, field)];
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
  const shortened = shortenLists(type, message);
  if (shortened !== message) return validateLong(type, message, instantiate(type, shortened));
  return validateInstance(instantiate(type, message));
}

function validateInstance<T extends object>(instance: T): T | Promise<T> {
  return isSurelyValid(instance) ? instance : validateByClassValidator(instance);
}

/** What has been shortened may break other rules than the message does; only those on the length of lists count. */
async function validateLong<T extends object>(type: Type<T>, message: object, shortened: T): Promise<T> {
  await validateByClassValidator(shortened, (rule) => rule === 'arrayMaxSize');
  // Its rules let the long lists pass, as @ValidateIf does.
  return validateInstance(instantiate(type, message));
}

async function validateByClassValidator<T extends object>(instance: T, told = (_rule: string) => true): Promise<T> {
  const violations = violationsOf(await validate(instance, { forbidUnknownValues: false }), told);
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
