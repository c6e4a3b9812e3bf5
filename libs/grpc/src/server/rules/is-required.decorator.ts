import { ValidateBy } from 'class-validator';

/**
 * A field without presence that the caller has to set, as `google.api.field_behavior = REQUIRED` says: the default of its
 * type (`''`, `0`, no bytes, an empty list or map) is what arrives of one that nobody set (https://aip.dev/203#required).
 */
export function IsRequired(): PropertyDecorator {
  return ValidateBy({
    name: 'isRequired',
    validator: { validate: isSet, defaultMessage: () => '$property must be set' },
  });
}

function isSet(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return Boolean(value);
  if (value instanceof Uint8Array || Array.isArray(value)) return value.length > 0;
  if (value instanceof Map) return value.size > 0;
  return Object.keys(value).length > 0;
}
