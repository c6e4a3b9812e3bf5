import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCoreList } from './cores.mjs';

test('reads a list of cores as Linux writes it', () => {
  assert.deepEqual(parseCoreList('\t0-1\n'), [0, 1]);
  assert.deepEqual(parseCoreList('0,2-4,7'), [0, 2, 3, 4, 7]);
  assert.deepEqual(parseCoreList('5'), [5]);
});
