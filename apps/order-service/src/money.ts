import type { Money } from '@rookery/contracts/google/type';

const NANOS = 1_000_000_000n;

/** An amount in billionths of the currency's unit: exact, unlike floating point. */
export function toNanos({ units, nanos }: Money): bigint {
  return units * NANOS + BigInt(nanos);
}

/** The opposite of `toNanos`. Units and nanos get the same sign, as google.type.Money wants it. */
export function fromNanos(currencyCode: string, amount: bigint): Money {
  return { currencyCode, units: amount / NANOS, nanos: Number(amount % NANOS) };
}
