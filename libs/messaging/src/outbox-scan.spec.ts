import { expect, it } from 'vitest';
import { OutboxScan, SPAN } from './outbox-scan.js';

const known = { position: 0, settled: 0, likely: 0 };

it('begins at the beginning each time while nothing is left out', () => {
  const scan = new OutboxScan();
  scan.next({ ...known, position: 7 }, false, 0);
  scan.advance(100, 100, 0);
  expect(scan.next({ ...known, position: 7 }, false, 1)).toEqual({ after: 7, upTo: Number.MAX_SAFE_INTEGER });
});

it('reads a span at a time to the end while something is left out, rests, and goes on where nothing appears any more', () => {
  const scan = new OutboxScan();
  const seen = { position: 10, settled: 20, likely: 2 * SPAN };
  expect(scan.next(seen, true, 0)).toEqual({ after: 10, upTo: 10 + SPAN });
  scan.advance(10 + SPAN, 3 * SPAN, 0);
  expect(scan.next(seen, true, 5)).toEqual({ after: 10 + SPAN, upTo: 10 + 2 * SPAN });
  scan.advance(3 * SPAN, 3 * SPAN, 10);
  expect(scan.reading).toBe(false);
  expect(scan.next(seen, true, 19)).toBeUndefined();
  expect(scan.restFor(19)).toBe(1);
  expect(scan.next(seen, true, 20)).toEqual({ after: 2 * SPAN, upTo: 3 * SPAN });
  scan.advance(3 * SPAN, 3 * SPAN, 20);
  // Now and then from what is beyond doubt.
  expect(scan.next(seen, true, 10_000)).toEqual({ after: 20, upTo: 20 + SPAN });
});

it('reads all of it again when something is not left out any more', () => {
  const scan = new OutboxScan();
  const seen = { position: 0, settled: 50, likely: 50 };
  scan.next(seen, true, 0);
  scan.rewind();
  scan.advance(100, 100, 0);
  expect(scan.next(seen, true, 0)).toEqual({ after: 0, upTo: SPAN });
  scan.advance(100, 100, 0);
  expect(scan.next(seen, true, 0)?.after).toBe(50);
});
