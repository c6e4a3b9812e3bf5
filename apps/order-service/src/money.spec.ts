import { describe, expect, it } from 'vitest';
import { fromNanos, toNanos } from './money.js';

describe('money', () => {
  it.each([
    { units: 0n, nanos: 0 },
    { units: 12n, nanos: 340_000_000 },
    { units: -1n, nanos: -750_000_000 },
    { units: 9_000_000_000_000n, nanos: 1 },
  ])('keeps $units.$nanos exactly', (amount) => {
    expect(fromNanos('EUR', toNanos({ currencyCode: 'EUR', ...amount }))).toEqual({ currencyCode: 'EUR', ...amount });
  });

  it('adds up without the errors of floating point', () => {
    const dime = toNanos({ currencyCode: 'USD', units: 0n, nanos: 100_000_000 });
    expect(fromNanos('USD', dime * 3n)).toMatchObject({ units: 0n, nanos: 300_000_000 });
  });
});
