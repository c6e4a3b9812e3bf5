import { InvalidArgument } from '@rookery/errors';
import { Type } from 'class-transformer';
import { IsInt, Length, ValidateNested } from 'class-validator';
import { describe, expect, it } from 'vitest';
import { validateAs } from '../validation.pipe.js';
import { IsEnumValue } from './is-enum-value.decorator.js';
import { IsRequired } from './is-required.decorator.js';
import { OneOf } from './one-of.decorator.js';
import { MapOf } from './map-of.decorator.js';

enum Colour {
  UNSPECIFIED = 0,
  RED = 1,
  UNRECOGNIZED = -1,
}

class CardDto {
  @Length(4)
  number!: string;
}

/** What the caller is told of a message whose `field` is decorated and has that value: nothing when it is valid. */
async function violations(field: string, decorate: PropertyDecorator, value: unknown): Promise<string[]> {
  class Dto {}
  decorate(Dto.prototype, field);
  try {
    await validateAs(Dto, { [field]: value });
    return [];
  } catch (error) {
    return (error as InvalidArgument).violations.map(({ field, description }) => `${field}: ${description}`);
  }
}

describe('IsRequired', () => {
  it.each([undefined, null, '', 0, 0n, false, Buffer.alloc(0), [], {}, new Map()])('refuses %o', async (value) =>
    expect(await violations('unitPrice', IsRequired(), value)).toEqual(['unit_price: unitPrice must be set']),
  );

  it.each(['x', -1, 1n, true, Buffer.alloc(1), [0], { a: 1 }, new Map([[1, 2]])])('takes %o', async (value) =>
    expect(await violations('unitPrice', IsRequired(), value)).toEqual([]),
  );
});

describe('IsEnumValue', () => {
  it.each([Colour.UNSPECIFIED, Colour.RED])('takes %i', async (value) =>
    expect(await violations('colour', IsEnumValue(Colour), value)).toEqual([]),
  );

  it.each([2, Colour.UNRECOGNIZED, 'RED', undefined])('refuses %o and names what there is', async (value) =>
    expect(await violations('colour', IsEnumValue(Colour), value)).toEqual([
      'colour: colour must be one of UNSPECIFIED, RED',
    ]),
  );

  it('asks each of a list', async () => {
    const each = IsEnumValue(Colour, { each: true });
    expect(await violations('colours', each, [Colour.RED, Colour.RED])).toEqual([]);
    expect(await violations('colours', each, [Colour.RED, 7])).toHaveLength(1);
  });
});

describe('OneOf', () => {
  const method = OneOf({ debitCard: [ValidateNested(), Type(() => CardDto)], colour: [IsEnumValue(Colour)] });

  it('asks the rules of the member that is set, and names it as the proto does', async () => {
    expect(await violations('method', method, { $case: 'debitCard', value: { number: '12' } })).toEqual([
      'debit_card.number: number must be longer than or equal to 4 characters',
    ]);
    expect(await violations('method', method, { $case: 'colour', value: 7 })).toEqual([
      expect.stringMatching(/^colour: /),
    ]);
  });

  it('takes what is valid, a member without rules, and none', async () => {
    const valid = [
      { $case: 'debitCard', value: { number: '1234' } },
      { $case: 'colour', value: 1 },
      { $case: 'iban', value: 'DE' },
      undefined,
    ];
    for (const value of valid) expect(await violations('method', method, value)).toEqual([]);
  });

  it('gives the nested message as an instance of its class, and the case as it was', async () => {
    class Dto {
      @OneOf({ debitCard: [ValidateNested(), Type(() => CardDto)] })
      method!: { $case: 'debitCard'; value: CardDto };
    }
    const message = { method: { $case: 'debitCard', value: { number: '1234' } } };
    const dto = await validateAs(Dto, message);
    expect(dto.method.value).toBeInstanceOf(CardDto);
    expect(dto).toEqual(message);
  });
});

describe('MapOf', () => {
  const cards = MapOf(
    ValidateNested(),
    Type(() => CardDto),
  );

  it.each([{ ada: { number: '12' } }, new Map([['ada', { number: '12' }]])])('finds what is wrong in %o', async (map) =>
    expect(await violations('cards', cards, map)).toEqual([
      'cards: cards["ada"].number must be longer than or equal to 4 characters',
    ]),
  );

  it('asks rules of plain values', async () => {
    expect(await violations('counts', MapOf(IsInt()), { a: 1, b: 0.5 })).toEqual([
      'counts: counts["b"] must be an integer number',
    ]);
  });

  it('leaves the map as it was', async () => {
    class Dto {
      @MapOf()
      map!: unknown;
    }
    for (const map of [new Map([[1n, Buffer.from('x')]]), { toString: 'a', constructor: 'b' }]) {
      expect((await validateAs(Dto, { map })).map).toBe(map);
    }
  });

  it.each([{}, { ada: { number: '1234' } }, new Map([[1n, { number: '1234' }]])])('takes %o', async (map) =>
    expect(await violations('cards', cards, map)).toEqual([]),
  );
});
