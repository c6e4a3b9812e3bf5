import { InvalidArgument } from '@rookery/errors';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsDefined,
  IsEmail,
  IsIn,
  IsInt,
  IsOptional,
  Length,
  Matches,
  Max,
  Min,
  ValidateBy,
  ValidateIf,
  ValidateNested,
  type ValidationOptions,
} from 'class-validator';
import { describe, expect, it } from 'vitest';
import { ValidationPipe, validateAs } from './validation.pipe.js';

const IsEven = (validate: (value: unknown) => boolean | Promise<boolean>, options?: ValidationOptions) =>
  ValidateBy({ name: 'isEven', validator: { validate, defaultMessage: () => '$property must be even' } }, options);
const isEven = (value: unknown) => typeof value === 'number' && value % 2 === 0;

let made = 0;

class Price {
  @Matches(/^[A-Z]{3}$/)
  currencyCode!: string;
  @IsInt()
  @Min(0)
  @Max(999)
  nanos!: number;
}
class Item {
  constructor() {
    made++;
  }
  @Length(1, 10)
  sku!: string;
  @IsEven(isEven)
  quantity!: number;
  @IsDefined()
  @ValidateNested()
  @Type(() => Price)
  unitPrice!: Price;
}
class Order {
  @IsEmail()
  email!: string;
  @ValidateIf(({ requestId }: Order) => requestId !== '')
  @Length(3, 5)
  requestId!: string;
  @IsOptional()
  @IsIn(['a', 'b'], { each: true })
  mask!: string[] | undefined;
  @ArrayMinSize(1)
  @ArrayMaxSize(3)
  @ValidateNested({ each: true })
  @Type(() => Item)
  lineItems!: Item[];
}
/** The same rules, and one whose answer is a promise: nothing of it can be decided without class-validator. */
class SlowOrder extends Order {
  @IsEven(async () => true)
  slow!: undefined;
}

/** Random choices of a seed (Numerical Recipes' generator). */
function random(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A message whose every field is right, except each by a chance of one in `rarity`. */
function randomOrder(next: (below: number) => number, rarity: number) {
  const either = (right: unknown, ...wrong: unknown[]) => (next(rarity) > 0 ? right : wrong[next(wrong.length)]);
  const price = () => ({ currencyCode: either('EUR', '', 'eur', undefined), nanos: either(5, -1, 1000, 0.5, '5') });
  const item = () => ({
    sku: either('book', '', 'x'.repeat(11), null),
    quantity: either(2, 1, '2', undefined),
    unitPrice: either(price(), undefined, null, 'free', [price(), price()]),
  });
  const items = Array.from({ length: 1 + next(3) }, item);
  return {
    email: either('ada@example.com', 'ada', '', undefined),
    requestId: either(['', 'abc'][next(2)], 'a', 'toolong', undefined),
    mask: either([undefined, [], ['a', 'b']][next(3)], ['c'], ['a', 'c'], 'a'),
    lineItems: either(items, [], undefined, null, 'none', [...items, ...items, ...items, ...items], [null], [[item()]]),
  };
}

/** What the caller gets of it: the instance, or the whole error. */
async function outcomeOf(type: new () => object, message: object) {
  try {
    return { instance: { ...(await validateAs(type, message)) } };
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidArgument);
    return { message: (error as InvalidArgument).message, violations: (error as InvalidArgument).violations };
  }
}

describe('validateAs', () => {
  it('says of any message what class-validator alone says', async () => {
    const next = random(1);
    let valid = 0;
    for (let run = 0; run < 2_000; run++) {
      const message = randomOrder(next, 2 + next(60));
      const outcome = await outcomeOf(Order, message);
      expect(outcome, JSON.stringify(message)).toEqual(await outcomeOf(SlowOrder, message));
      if ('instance' in outcome) valid++;
    }
    expect(valid).toBeGreaterThan(200);
    expect(valid).toBeLessThan(1_800);
  });

  it('gives a valid message at once, as an instance with all that is nested in it', () => {
    const message = randomOrder(() => 1, 2);
    const order = validateAs(Order, message);
    expect(order).toBeInstanceOf(Order);
    expect((order as Order).lineItems[0]).toBeInstanceOf(Item);
    expect((order as Order).lineItems[0]!.unitPrice).toBeInstanceOf(Price);
    expect(order).toEqual(message);
  });

  it('waits for a rule whose answer is a promise, though nothing says that it will be one', async () => {
    class Declared {
      @IsEven(async (value) => isEven(value))
      count!: number;
    }
    expect(await outcomeOf(Declared, { count: 2 })).toEqual({ instance: { count: 2 } });
    expect(await outcomeOf(Declared, { count: 1 })).toMatchObject({ violations: [{ field: 'count' }] });
  });

  const empty = (length: number) => Array.from({ length }, () => ({}));

  it('refuses a list that is too long before it makes more than the list may have of its elements', async () => {
    const message = { ...randomOrder(() => 1, 2), lineItems: empty(1_000) };
    made = 0;
    expect(await outcomeOf(Order, message)).toEqual({
      message: 'invalid line_items',
      violations: [{ field: 'line_items', description: 'lineItems must contain no more than 3 elements' }],
    });
    expect(made).toBeLessThanOrEqual(4);
  });

  it('refuses lists that are too long wherever they are nested, with their paths', async () => {
    class Customer {
      @ValidateNested()
      @Type(() => Order)
      lastOrder!: Order;
      @ValidateNested({ each: true })
      @Type(() => Order)
      allOrders!: Order[];
      @ValidateNested()
      @Type(() => Customer)
      referredBy!: Customer | undefined;
    }
    const order = (length: number) => ({ ...randomOrder(() => 1, 2), lineItems: empty(length) });
    const customer = { lastOrder: order(1_000), allOrders: [order(0), order(1_000)] };
    made = 0;
    const { violations } = await outcomeOf(Customer, { ...customer, referredBy: customer });
    expect(violations?.map(({ field }) => field)).toEqual([
      'last_order.line_items',
      'all_orders[1].line_items',
      'referred_by.last_order.line_items',
      'referred_by.all_orders[1].line_items',
    ]);
    expect(made).toBeLessThanOrEqual(16);
  });

  it('lets a long list pass where the rule does not apply, and refuses it in the words of the rule', async () => {
    class Sometimes {
      strict!: boolean;
      @ValidateIf(({ strict }: Sometimes) => strict)
      @ArrayMaxSize(1, { message: 'one is enough' })
      values!: number[];
      @IsOptional()
      @ArrayMaxSize(1, { each: true })
      lists!: number[][] | undefined;
    }
    const message = { strict: false, values: [1, 2, 3], lists: [[1], [2], [3]] };
    expect(await outcomeOf(Sometimes, message)).toEqual({ instance: message });
    const violations = [{ field: 'values', description: 'one is enough' }];
    expect(await outcomeOf(Sometimes, { ...message, strict: true })).toMatchObject({ violations });
  });

  it('names fields as the proto does, and 20 violations at most', async () => {
    class Many {
      @ValidateNested({ each: true })
      @Type(() => Price)
      unitPrices!: Price[];
    }
    const unitPrices = Array.from({ length: 15 }, () => ({ currencyCode: '', nanos: 1 }));
    const few = await outcomeOf(Many, { unitPrices: unitPrices.slice(0, 2) });
    expect(few.violations?.map(({ field }) => field)).toEqual([
      'unit_prices[0].currency_code',
      'unit_prices[1].currency_code',
    ]);
    const many = await outcomeOf(Many, { unitPrices: [...unitPrices, ...unitPrices] });
    expect(many.violations).toHaveLength(20);
    expect(many.message).toMatch(/and 25 more$/);
  });
});

describe('ValidationPipe', () => {
  it('validates request messages, and nothing else', () => {
    const pipe = new ValidationPipe();
    const request = { currencyCode: 'EUR', nanos: 0 };
    expect(pipe.transform(request, { type: 'body', metatype: Price })).toBeInstanceOf(Price);
    expect(pipe.transform(request, { type: 'custom', metatype: Price })).toBe(request);
    expect(pipe.transform(request, { type: 'body', metatype: Object })).toBe(request);
    expect(pipe.transform('text', { type: 'body', metatype: Price })).toBe('text');
  });
});
