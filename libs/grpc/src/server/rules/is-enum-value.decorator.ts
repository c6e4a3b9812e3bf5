import { ValidateBy, type ValidationOptions } from 'class-validator';

/** What ts-proto adds to every enum, for values that it does not know. */
const UNKNOWN = 'UNRECOGNIZED';

/** A value that the proto's enum has. Enums of proto3 are open: the wire brings any number. */
export function IsEnumValue(values: object, options?: ValidationOptions): PropertyDecorator {
  const known = Object.entries(values).filter(([name, value]) => typeof value === 'number' && name !== UNKNOWN);
  const numbers = new Set<unknown>(known.map(([, value]) => value));
  const names = known.map(([name]) => name).join(', ');
  const defaultMessage = () => `${options?.each ? 'each value in ' : ''}$property must be one of ${names}`;
  return ValidateBy(
    { name: 'isEnumValue', validator: { validate: (value) => numbers.has(value), defaultMessage } },
    options,
  );
}
