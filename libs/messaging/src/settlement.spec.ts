import { Internal, Unavailable } from '@rookery/errors';
import { describe, expect, it } from 'vitest';
import { UnreadableEvent } from './event.js';
import { settleFailure } from './settlement.js';

const policy = { maxDeliveries: 10, backoffFirst: 1_000, backoffLongest: 60_000 };
const unjittered = () => 0.5;
const failure = new Error('no such column');

describe('settleFailure', () => {
  it.each([
    [1, 1_000],
    [2, 2_000],
    [6, 32_000],
    [7, 60_000],
    [9, 60_000],
  ])('tries again after attempt %i in %i ms', (attempt, delay) => {
    expect(settleFailure(failure, { attempt }, policy, unjittered)).toEqual({ kind: 'retry', delay });
  });

  it('spreads the waits by a tenth', () => {
    expect(settleFailure(failure, { attempt: 1 }, policy, () => 0)).toEqual({ kind: 'retry', delay: 900 });
    expect(settleFailure(failure, { attempt: 1 }, policy, () => 1)).toEqual({ kind: 'retry', delay: 1_100 });
  });

  it('gives up after the last delivery, saying why', () => {
    const { stack } = failure;
    expect(settleFailure(failure, { attempt: 10 }, policy)).toEqual({
      kind: 'dead',
      reason: 'no such column',
      code: 'Error',
      stack,
    });
    expect(settleFailure(new Internal('a defect'), { attempt: 10 }, policy)).toMatchObject({ code: 'INTERNAL' });
    expect(settleFailure('a string', { attempt: 11 }, policy)).toEqual({ kind: 'dead', reason: 'a string' });
  });

  it('gives up for failures, not for deliveries', () => {
    expect(settleFailure(failure, { attempt: 50, failures: 9 }, policy).kind).toBe('retry');
    expect(settleFailure(failure, { attempt: 50, failures: 10 }, policy).kind).toBe('dead');
  });

  it('gives up at once what nobody can read', () => {
    const { kind } = settleFailure(new UnreadableEvent('garbage'), { attempt: 1 }, policy);
    expect(kind).toBe('dead');
  });

  it('waits for ever while something is unavailable', () => {
    const outage = new Unavailable('the database is not available');
    expect(settleFailure(outage, { attempt: 5_000 }, policy, unjittered)).toEqual({ kind: 'retry', delay: 60_000 });
    expect(settleFailure(new Internal('a defect'), { attempt: 5_000 }, policy).kind).toBe('dead');
  });
});
