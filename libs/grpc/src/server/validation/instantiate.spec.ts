import { Exclude, Expose, Transform, Type, plainToInstance } from 'class-transformer';
import { describe, expect, it } from 'vitest';
import { instantiate } from './instantiate.js';
import { transformRules } from './transform-rules.js';

class Money {
  currencyCode!: string;
  units!: bigint;
  get text(): string {
    return `${this.units} ${this.currencyCode}`;
  }
}
class Item {
  sku = 'none';
  @Type(() => Money)
  price!: Money;
  @Type(() => Item)
  parts!: Item[];
  total(): bigint {
    return this.price.units;
  }
}
const answer = () => 1;
class Order {
  id!: string;
  defaulted = 7;
  callback = answer;
  @Type(() => Item)
  items!: Item[];
  @Type(() => Item)
  first!: Item | undefined;
  @Type(() => Date)
  date!: Date;
  anything: unknown;
  set written(value: string) {
    this.id = `written ${value}`;
  }
}
class Special extends Order {
  @Type(() => Money)
  override anything: unknown;
}
class List<T> extends Array<T> {}

const money = (units: bigint) => ({ currencyCode: 'EUR', units, text: 'an accessor has no room for it' });
const item = (sku: string | undefined, parts: object[] = []) => ({ sku, price: money(1n), parts, total: 'a method' });
class Foreign {
  constructor(readonly price = money(3n)) {}
}

const PRIMITIVES = [undefined, null, '', 'text', 0, -0, NaN, 5n, true, Symbol.iterator, answer];
const BUILT_IN = [new Date(5), Buffer.from('ab'), new Uint8Array([1, 2]), new Map([['a', item('a')]]), /regular/];
const OBJECTS = [
  {},
  { nested: { list: [{ deep: new Date(1) }] } },
  { $case: 'name', value: money(2n) },
  { toString: 'hides', hasOwnProperty: 1, kept: 2 },
  JSON.parse('{"then": "no promise"}'),
  JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 3}'),
  Object.create(null),
  new Foreign(),
  item('a', [item('b')]),
];
const LISTS = [
  [item('a'), item(undefined)],
  [[item('a')], []],
  [money(1n), null, 'text', new Date(2)],
  // oxlint-disable-next-line no-sparse-arrays -- class-transformer closes the gaps
  [1, , 3],
  [new Map([['a', 1]])],
  [new Set([1])],
  List.from([item('a')]),
  new Set([item('b')]),
];
const ANY: unknown[] = [...PRIMITIVES, ...BUILT_IN, ...OBJECTS, ...LISTS];
const CLASSES: [string, new () => object][] = [Order, Special, Item, Money].map((type) => [type.name, type]);
const FIELDS = ['id', 'defaulted', 'callback', 'items', 'first', 'date', 'anything', 'written', 'unknown'];

function expectSame(type: new () => object, plain: object): void {
  expect(instantiate(type, plain), Object.keys(plain).join()).toStrictEqual(plainToInstance(type, plain));
}

it('finds what the decorators of class-transformer say', () => {
  expect(transformRules?.findTypeMetadata(Order, 'items').propertyName).toBe('items');
});

describe('instantiate gives what plainToInstance gives', () => {
  it.each(CLASSES)('for values of every kind in each field of %s', (_name, type) => {
    for (const field of [...FIELDS, 'sku', 'price', 'parts', 'total', 'units', 'text', 'constructor', '__proto__']) {
      for (const value of ANY) {
        const plain = Object.defineProperty({ id: 'id' }, field, { value, enumerable: true });
        // What class-transformer itself fails on, it fails on here, too.
        let fails = false;
        try {
          plainToInstance(type, plain);
        } catch {
          fails = true;
        }
        if (fails) expect(() => instantiate(type, plain), field).toThrow();
        else expectSame(type, plain);
      }
    }
  });

  it('for an object of no class, a list, and an object of another class', () => {
    for (const plain of [new Foreign(), Object.create(null) as object, new Map([['id', 1]])]) expectSame(Order, plain);
  });

  it('as instances of the nested classes, and copies of the rest', () => {
    const date = new Date(5);
    const order = instantiate(Order, { items: [item('a', [item('b')])], anything: date });
    expect(order.items[0]!.parts[0]!.price).toBeInstanceOf(Money);
    expect(order.items[0]!.total()).toBe(1n);
    expect(order.anything).toEqual(date);
    expect(order.anything).not.toBe(date);
  });

  it('for classes that say more than @Type', () => {
    class Transformed {
      @Transform(({ value }) => String(value).trim())
      id!: string;
    }
    class Renamed {
      @Expose({ name: 'identifier' })
      id!: string;
    }
    class Excluding {
      @Exclude()
      id!: string;
      kept!: string;
    }
    @Exclude()
    class Closed {
      @Expose()
      id!: string;
    }
    class ToPlainOnly {
      @Transform(({ value }) => `${value}!`, { toPlainOnly: true })
      id!: string;
    }
    class Discriminated {
      @Type(() => Object, { discriminator: { property: 'kind', subTypes: [{ name: 'money', value: Money }] } })
      id!: object;
    }
    class Dynamic {
      @Type((options) => (options?.object['kept'] === 'money' ? Money : Item))
      id!: object;
    }
    class Listed {
      @Type(() => Item)
      id!: List<Item>;
    }
    class Mapped {
      @Type(() => Money)
      id!: Map<string, Money>;
    }
    for (const special of [
      Transformed,
      Renamed,
      Excluding,
      Closed,
      ToPlainOnly,
      Discriminated,
      Dynamic,
      Listed,
      Mapped,
    ]) {
      class Outer {
        @Type(() => special)
        inner!: object;
      }
      class Derived extends special {}
      for (const id of [' text ', { kind: 'money' }, [item('a')], new Map([['a', money(1n)]])]) {
        const plain = () => ({ id: structuredClone(id), identifier: 'x', kept: 'money' });
        for (const type of [special, Derived]) {
          expect(instantiate(type, plain()), type.name).toStrictEqual(plainToInstance(type, plain()));
        }
        const outer = plainToInstance(Outer, { inner: plain() });
        expect(instantiate(Outer, { inner: plain() }), special.name).toStrictEqual(outer);
      }
    }
  });

  it('for an object with more names than a message has fields', () => {
    const plain = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`name${index}`, index]));
    expectSame(Order, plain);
    expectSame(Order, plain);
  });
});
