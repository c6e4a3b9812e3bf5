import { Type } from 'class-transformer';
import { ValidateNested } from 'class-validator';
import { instantiate } from '../validation/instantiate.js';
import { copyBy } from '../validation/own-copy.js';

/**
 * The rules of each member of a oneof, `{ $case: 'card', value }`: what would decorate `value` if it were a field.
 *
 *     @OneOf({ card: [ValidateNested(), Type(() => CardDto)] })
 *     method!: { $case: 'card'; value: CardDto } | { $case: 'iban'; value: string } | undefined;
 */
export function OneOf(members: Readonly<Record<string, readonly PropertyDecorator[]>>): PropertyDecorator {
  const types = new Map(Object.entries(members).map(([name, rules]) => [name, memberType(rules)]));
  const unruled = memberType([]);
  const typeOf = (oneof: unknown) => types.get(caseOf(oneof) ?? '') ?? unruled;
  return (target, property) => {
    copyBy(target, String(property), (oneof) => (oneof instanceof Object ? instantiate(typeOf(oneof), oneof) : oneof));
    // For classes that `instantiate` leaves to class-transformer.
    Type((about) => typeOf(about?.object[String(property)]))(target, property);
    ValidateNested()(target, property);
  };
}

/** Which member of a oneof `value` is, if it is one of a oneof. */
export function caseOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('$case' in value)) return undefined;
  return typeof value.$case === 'string' ? value.$case : undefined;
}

function memberType(rules: readonly PropertyDecorator[]): new () => object {
  class Member {
    value: unknown;
  }
  for (const rule of rules) rule(Member.prototype, 'value');
  return Member;
}
