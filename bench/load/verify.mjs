import assert from 'node:assert/strict';
import { credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { PROTO } from './proto.mjs';
import { ITEM_ID } from './request.mjs';

const Service = loadPackageDefinition(loadSync(PROTO, { longs: String })).bench.v1.BenchService;

/** What every server must answer, as proto-loader reads it. */
const EXPECTED = {
  id: ITEM_ID,
  name: 'Field notebook, A5, ruled',
  description: 'Stitched binding, 96 pages of 90 g paper.',
  quantity: 1_250,
  sizeBytes: '8589934592',
  price: { currencyCode: 'EUR', units: '12', nanos: 500_000_000 },
  tags: ['paper', 'stationery', 'travel'],
  createTime: { seconds: '1760000000', nanos: 250_000_000 },
};

/** grpc-js' messages have classes of their own. */
const plain = (message) => JSON.parse(JSON.stringify(message));

/**
 * Calls both RPCs once, with a client that is none of the measured: what answers fast must answer right.
 * @throws when a status or a reply is not what it should be
 */
export async function verify(port) {
  const client = new Service(`127.0.0.1:${port}`, credentials.createInsecure());
  const options = { deadline: Date.now() + 10_000 };
  try {
    const reply = await new Promise((resolve, reject) => {
      client.getItem({ id: ITEM_ID, revision: 3 }, options, (error, item) => (error ? reject(error) : resolve(item)));
    });
    assert.deepEqual(plain(reply), EXPECTED);
    const replies = [];
    for await (const item of client.streamItems({ id: ITEM_ID, count: 3 }, options)) replies.push(plain(item));
    assert.deepEqual(replies, [EXPECTED, EXPECTED, EXPECTED]);
  } finally {
    client.close();
  }
}
