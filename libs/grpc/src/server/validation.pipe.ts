import 'reflect-metadata';
import { type ArgumentMetadata, Injectable, type PipeTransform, type Type } from '@nestjs/common';
import { type FieldViolation, InvalidArgument } from '@rookery/errors';
import { plainToInstance } from 'class-transformer';
import { type ValidationError, validate } from 'class-validator';

/** Parameter types that say nothing of the message's fields. */
const OPAQUE = new Set<unknown>([Object, String, Number, Boolean, Array, Promise, Function]);

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

/**
 * A decoded message as an instance of its DTO class.
 * @throws {InvalidArgument} with one violation for each field that breaks a rule of the class
 */
export async function validateAs<T extends object>(type: Type<T>, message: object): Promise<T> {
  const instance = plainToInstance(type, message);
  const violations = violationsOf(await validate(instance, { forbidUnknownValues: false }));
  if (violations.length > 0) {
    const fields = [...new Set(violations.map(({ field }) => field))];
    throw new InvalidArgument(`invalid ${fields.join(', ')}`, { violations });
  }
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
