import { expect, it } from 'vitest';
import { FailureCounts } from './failure-counts.js';

it('counts for each event, from 1 again when it is forgotten', () => {
  const failures = new FailureCounts();
  expect([failures.add('a'), failures.add('a'), failures.add('b')]).toEqual([1, 2, 1]);
  failures.forget('a');
  expect([failures.add('a'), failures.add('b')]).toEqual([1, 2]);
});

it('remembers the latest 10,000', () => {
  const failures = new FailureCounts();
  for (const id of ['quiet', 'busy']) failures.add(id);
  for (let index = 0; index < 9_998; index++) failures.add(`e-${index}`);
  failures.add('busy');
  failures.add('one too many');
  expect([failures.add('busy'), failures.add('quiet')]).toEqual([3, 1]);
});
