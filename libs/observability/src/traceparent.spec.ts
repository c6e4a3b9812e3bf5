import { expect, it } from 'vitest';
import { traceparentFrom } from './traceparent.js';

const IDS = '4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7';

it.each([`00-${IDS}-01`, `01-${IDS}-00`, `cc-${IDS}-01-what-the-future-will-be-like`])('takes %s', (traceparent) =>
  expect(traceparentFrom(traceparent)).toBe(traceparent),
);

it.each([
  undefined,
  '',
  'café',
  Buffer.from(`00-${IDS}-01`),
  `00-${IDS}`,
  `00-${IDS}-01-more`,
  `00-${IDS.toUpperCase()}-01`,
  `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
  `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`,
  `ff-${IDS}-01`,
  `01-${IDS}-01 more`,
  `01-${IDS}-01-café`,
  `01-${IDS}-01-${'x'.repeat(1_000)}`,
  `00-${IDS}-01\n`,
])('drops %s', (received) => expect(traceparentFrom(received)).toBeUndefined());
