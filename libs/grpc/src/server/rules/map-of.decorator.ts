import { Transform, plainToInstance } from 'class-transformer';
import { ValidateBy, type ValidationArguments, type ValidationError, validateSync } from 'class-validator';
import { copyBy } from '../validation/own-copy.js';

/**
 * A map field, and the rules of each of its values: what would decorate the value if it were a field. Rules whose answer
 * is a promise are not asked. The map stays as it was decoded: class-transformer loses the values of a `Map`, and of an
 * object the keys that it takes for methods.
 *
 *     @MapOf(ValidateNested(), Type(() => PriceDto))
 *     prices!: Record<string, PriceDto>;
 */
export function MapOf(...rules: PropertyDecorator[]): PropertyDecorator {
  class Entry {
    value: unknown;
  }
  for (const rule of rules) rule(Entry.prototype, 'value');
  const wrongWith = (map: unknown) => {
    if (rules.length === 0) return undefined;
    for (const [key, value] of entriesOf(map)) {
      const [error] = validateSync(plainToInstance(Entry, { value }), { forbidUnknownValues: false });
      if (error) return `$property[${JSON.stringify(String(key))}]${reasonOf(error)}`;
    }
    return undefined;
  };
  const validator = {
    validate: (map: unknown) => wrongWith(map) === undefined,
    defaultMessage: (about?: ValidationArguments) => wrongWith(about?.value) ?? '$property is invalid',
  };
  return (target, property) => {
    copyBy(target, String(property), (map) => map);
    // For classes that `instantiate` leaves to class-transformer.
    Transform(({ obj, key }) => obj[key] as unknown)(target, String(property));
    ValidateBy({ name: 'mapOf', validator })(target, property);
  };
}

function entriesOf(map: unknown): Iterable<[unknown, unknown]> {
  if (map instanceof Map) return map.entries();
  return typeof map === 'object' && map !== null ? Object.entries(map) : [];
}

/** ` must be a number`, or `.amount.nanos must be a number`: the first rule that is broken. */
function reasonOf({ property, constraints, children }: ValidationError, path = ''): string {
  const description = Object.values(constraints ?? {})[0];
  if (description !== undefined) return `${path} ${description.replace(`${property} `, '')}`;
  const [child] = children ?? [];
  return child ? reasonOf(child, `${path}.${child.property}`) : ' is invalid';
}
