import * as rules from 'class-validator';
import { type ValidationOptions, validate, validateSync } from 'class-validator';
import { describe, expect, it } from 'vitest';
import { isSurelyValid } from './is-surely-valid.js';

type Decorate = (options?: ValidationOptions) => PropertyDecorator;

@rules.ValidatorConstraint()
class IsOwnRule implements rules.ValidatorConstraintInterface {
  validate(value: unknown, args: rules.ValidationArguments): boolean {
    return value === args.constraints?.[0] || (args.object as { other?: unknown }).other === value;
  }
}

enum Color {
  RED = 'red',
}

const RULES: Record<string, Decorate> = {
  IsDefined: (options) => rules.IsDefined(options),
  IsEmpty: (options) => rules.IsEmpty(options),
  IsNotEmpty: (options) => rules.IsNotEmpty(options),
  Equals: (options) => rules.Equals(1, options),
  IsIn: (options) => rules.IsIn(['a', 7, null], options),
  IsNotIn: (options) => rules.IsNotIn(['a', 7, undefined], options),
  IsString: (options) => rules.IsString(options),
  Length: (options) => rules.Length(1, 5, options),
  MinLength: (options) => rules.MinLength(3, options),
  MaxLength: (options) => rules.MaxLength(3, options),
  Matches: (options) => rules.Matches(/^a/, options),
  'Matches, global': (options) => rules.Matches(/a/g, options),
  IsEmail: (options) => rules.IsEmail({}, options),
  IsUUID: (options) => rules.IsUUID(undefined, options),
  IsUrl: (options) => rules.IsUrl({}, options),
  IsDateString: (options) => rules.IsDateString({}, options),
  IsAlphanumeric: (options) => rules.IsAlphanumeric(undefined, options),
  IsNumberString: (options) => rules.IsNumberString({}, options),
  IsInt: (options) => rules.IsInt(options),
  IsNumber: (options) => rules.IsNumber({ allowNaN: true, maxDecimalPlaces: 1 }, options),
  Min: (options) => rules.Min(0, options),
  Max: (options) => rules.Max(5, options),
  IsPositive: (options) => rules.IsPositive(options),
  IsDivisibleBy: (options) => rules.IsDivisibleBy(2, options),
  IsBoolean: (options) => rules.IsBoolean(options),
  IsEnum: (options) => rules.IsEnum(Color, options),
  IsDate: (options) => rules.IsDate(options),
  MinDate: (options) => rules.MinDate(new Date(0), options),
  IsArray: (options) => rules.IsArray(options),
  ArrayMinSize: (options) => rules.ArrayMinSize(2, options),
  ArrayMaxSize: (options) => rules.ArrayMaxSize(2, options),
  ArrayNotEmpty: (options) => rules.ArrayNotEmpty(options),
  ArrayUnique: (options) => rules.ArrayUnique(undefined, options),
  ArrayContains: (options) => rules.ArrayContains(['a'], options),
  IsObject: (options) => rules.IsObject(options),
  IsInstance: (options) => rules.IsInstance(Date, options),
  ValidateNested: (options) => rules.ValidateNested(options),
  'a custom rule': (options) => rules.Validate(IsOwnRule, ['own'], options),
  'a class that is no rule': (options) => rules.Validate(class {}, options),
  Allow: (options) => rules.Allow(options),
};

class Nested {
  @rules.IsInt()
  count: unknown;
  @rules.IsOptional()
  @rules.ValidateNested()
  deeper?: Nested;
}
const nested = (count: unknown, deeper?: Nested) => Object.assign(new Nested(), { count, deeper });

const NUMBERS = [0, -0, 1, 4, 7, -1, 0.5, 0.25, NaN, Infinity, 5n];
const EMAIL = 'ada@example.com';
const URL = 'https://example.com/a';
const UUID = '018f0000-0000-7000-8000-000000000000';
const TEXTS = ['', 'a', 'abc', 'own', 'red', '12', EMAIL, URL, UUID, 'á', '2026-01-02T03:04:05Z', 'baaaaaaaa'];
const OBJECTS = [
  new Date(1),
  new Date(-1),
  new Date(NaN),
  {},
  { constructor: undefined },
  Object.create(null),
  () => 1,
];
const NESTED = [nested(1), nested('no'), nested(1, nested(2)), nested(1, nested(2.5))];
const SINGLE: unknown[] = [undefined, null, true, false, ...NUMBERS, ...TEXTS, ...OBJECTS, ...NESTED];
const VALUES: unknown[] = [
  ...SINGLE,
  [],
  ...SINGLE.map((value) => [value]),
  ...SINGLE.map((value, index) => [value, SINGLE[(index * 7) % SINGLE.length]]),
  [[nested(1)], [nested('no')]],
  new Set([nested(1)]),
  new Set(['a', nested('no')]),
  new Map([['a', nested(1)]]),
  new Map<string, unknown>([['a', nested('no')]]),
];

/** What class-validator says, in one word; a class that it cannot validate makes it throw. */
function verdict(object: object): boolean {
  try {
    return validateSync(object, { forbidUnknownValues: false }).length === 0;
  } catch {
    return false;
  }
}

function dtoOf(...decorators: PropertyDecorator[]) {
  class Dto {
    value: unknown;
    other: unknown = 'other';
  }
  for (const decorate of decorators) decorate(Dto.prototype, 'value');
  return (value: unknown) => Object.assign(new Dto(), { value });
}

function expectSameVerdicts(make: (value: unknown) => object): void {
  const verdicts = VALUES.map((value) => verdict(make(value)));
  expect(VALUES.map((value) => isSurelyValid(make(value)))).toEqual(verdicts);
}

describe('isSurelyValid agrees with class-validator', () => {
  it.each(Object.keys(RULES))('on %s', (name) => {
    const decorate = RULES[name]!;
    expectSameVerdicts(dtoOf(decorate()));
    expectSameVerdicts(dtoOf(decorate({ each: true })));
    expectSameVerdicts(dtoOf(decorate(), rules.IsOptional()));
    expectSameVerdicts(
      dtoOf(
        decorate(),
        rules.ValidateIf((object: { value: unknown }) => object.value !== 'a'),
      ),
    );
    expectSameVerdicts(dtoOf(decorate({ validateIf: (_object, value) => typeof value === 'string' })));
    expectSameVerdicts(dtoOf(decorate({ groups: ['some'] }), rules.IsDefined({ always: false })));
  });

  it('on rules together, in any pair', () => {
    const names = Object.keys(RULES);
    for (let step = 1; step < names.length; step += 6) {
      names.forEach((name, at) =>
        expectSameVerdicts(dtoOf(RULES[name]!(), RULES[names[(at + step) % names.length]!]!())),
      );
    }
  }, 60_000);

  it('on rules that are inherited', () => {
    class Base {
      @rules.IsInt()
      @rules.Min(2)
      value: unknown;
    }
    class Derived extends Base {
      @rules.IsOptional()
      override value: unknown;
      @rules.IsDefined()
      other: unknown = 1;
    }
    expectSameVerdicts((value) => Object.assign(new Derived(), { value }));
    expectSameVerdicts((value) => Object.assign(new Derived(), { value: 3, other: value }));
  });

  it('on a class without any rule', () => {
    expectSameVerdicts((value) => Object.assign(new (class {})(), { value }));
  });
});

describe('isSurelyValid leaves to class-validator', () => {
  it('a rule that is declared asynchronous, which is not asked before', async () => {
    let asked = 0;
    @rules.ValidatorConstraint({ async: true })
    class Slow implements rules.ValidatorConstraintInterface {
      async validate(value: unknown): Promise<boolean> {
        asked++;
        return value === 'right';
      }
    }
    const make = dtoOf(rules.Validate(Slow));
    expect(isSurelyValid(make('right'))).toBe(false);
    expect(asked).toBe(0);
    expect(await validate(make('right'))).toEqual([]);
  });

  it('a rule that answers with a promise, also a rejected one', () => {
    const answers = [Promise.resolve(true), Promise.reject(new Error('no answer'))];
    for (const answer of answers) {
      const make = dtoOf(rules.ValidateBy({ name: 'promising', validator: { validate: () => answer } }));
      expect(isSurelyValid(make(1))).toBe(false);
    }
  });

  it('a promise', () => {
    expect(isSurelyValid(dtoOf(rules.ValidatePromise(), rules.IsInt())(Promise.resolve(1)))).toBe(false);
  });
});
