import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLatencies, parseSummary } from './h2load-output.mjs';

/** As h2load 1.52 prints it. */
function output({ done = 15_424, succeeded = done, failed = 0, errored = 0, timeout = 0, notFound = 0 } = {}) {
  return `starting benchmark...
Main benchmark duration is over for thread #0. Stopping all clients.
Stopped all clients for thread #0

finished in 3.00s, 5141.33 req/s, 1.05MB/s
requests: ${done} total, ${done + 256} started, ${done} done, ${succeeded} succeeded, ${failed} failed, ${errored} errored, ${timeout} timeout
status codes: ${succeeded + 224} 2xx, 0 3xx, ${notFound} 4xx, 0 5xx
traffic: 3.15MB (3301080) total, 77.65KB (79512) headers (space savings 96.34%), 2.64MB (2769696) data
                     min         max         mean         sd        +/- sd
time for request:    15.40ms    414.09ms     49.01ms     38.80ms    90.04%
`;
}

test('reads the calls and their rate', () => {
  assert.deepEqual(parseSummary(output()), { calls: 15_424, perSecond: 5_141.33 });
});

test('refuses a run in which calls failed', () => {
  for (const lost of [
    { succeeded: 15_423 },
    { failed: 1 },
    { errored: 1 },
    { timeout: 1 },
    { notFound: 1 },
    { done: 0 },
  ]) {
    assert.throws(() => parseSummary(output(lost)), /Calls failed/, JSON.stringify(lost));
  }
});

test('refuses what is no summary', () => {
  assert.throws(() => parseSummary('connection refused'), /no summary:\nconnection refused/);
});

test('takes the percentiles of the log in milliseconds, whatever its order', () => {
  const log = Array.from({ length: 100 }, (_, index) => `1795469816679420\t200\t${(100 - index) * 1_000}\n`).join('');
  assert.deepEqual(parseLatencies(log), { p50: 51, p99: 100 });
  assert.deepEqual(parseLatencies('1795469816679420\t200\t2500\n'), { p50: 2.5, p99: 2.5 });
});
