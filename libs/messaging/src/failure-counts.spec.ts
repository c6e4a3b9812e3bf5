import { expect, it } from 'vitest';
import { FailureCounts } from './failure-counts.js';

it('counts for each event, from 1 again when it is forgotten', () => {
  const counts = new FailureCounts();
  const failures = (id: string) => counts.add(id).failures;
  expect([failures('a'), failures('a'), failures('b')]).toEqual([1, 2, 1]);
  counts.forget('a');
  expect([failures('a'), failures('b')]).toEqual([1, 2]);
});

it('counts outages as attempts, and as nothing else', () => {
  const counts = new FailureCounts();
  expect(counts.add('a', true)).toEqual({ attempt: 1, failures: 0 });
  expect(counts.add('a')).toEqual({ attempt: 2, failures: 1 });
});

it('remembers the latest 10,000', () => {
  const failures = new FailureCounts();
  for (const id of ['quiet', 'busy']) failures.add(id);
  for (let index = 0; index < 9_998; index++) failures.add(`e-${index}`);
  failures.add('busy');
  failures.add('one too many');
  expect([failures.add('busy').failures, failures.add('quiet').failures]).toEqual([3, 1]);
});
