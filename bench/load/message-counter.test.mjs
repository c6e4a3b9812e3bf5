import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageCounter } from './message-counter.mjs';

function frame(length) {
  const bytes = Buffer.alloc(5 + length, 0xff);
  bytes[0] = 0;
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

const LENGTHS = [0, 1, 300, 70_000, 0, 2];
const stream = Buffer.concat(LENGTHS.map(frame));

for (const size of [1, 2, 3, 4, 5, 6, 7, 1_000, stream.length]) {
  test(`counts messages in chunks of ${size} bytes`, () => {
    const counter = new MessageCounter();
    for (let at = 0; at < stream.length; at += size) counter.add(stream.subarray(at, at + size));
    assert.equal(counter.complete, LENGTHS.length);
    assert.equal(counter.whole, true);
  });
}

test('knows that the last message is cut off', () => {
  for (const cut of [1, 4, 6, stream.length - 1]) {
    const counter = new MessageCounter();
    counter.add(stream.subarray(0, cut));
    // The first frame is whole after its prefix: it is empty.
    assert.equal(counter.whole, false, `after ${cut} bytes`);
    assert.ok(counter.complete < LENGTHS.length);
  }
});
