import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chart } from './chart.mjs';
import { betweenMarkers } from './markers.mjs';
import { summarize } from './results.mjs';
import { median } from './statistics.mjs';
import { markdownTable } from './table.mjs';
import { noiseOf } from './verdict.mjs';

const SERVERS = ['raw-static', 'raw-static-again', 'rookery-bare'].map((name) => ({ name, title: `${name} <title>` }));

/** A round in which a server did `perSecond`, and had `busy` of its core. */
const sample = (perSecond, busy = 1) => ({
  unary: { perSecond, p50: 1, p99: 2, cpuSecondsPer10k: 10_000 / perSecond, busy },
  stream: { perSecond: perSecond * 10, cpuSecondsPer100k: 1, busy },
  rssBytes: 100e6,
});

const results = (baseline, control, rookery) =>
  summarize(SERVERS, new Map(SERVERS.map(({ name }, index) => [name, [baseline, control, rookery][index]])));

const quiet = results(
  [sample(100), sample(104), sample(102)],
  [sample(101), sample(103), sample(103)],
  [sample(150), sample(208), sample(204)],
);

test('takes the median of the ratios of each round', () => {
  assert.deepEqual(quiet[2].unary.ratio, { median: 2, min: 1.5, max: 2 });
  assert.equal(quiet[2].unary.perSecond.median, 204);
});

test('takes the mean of the two in the middle', () => {
  assert.equal(median([4, 1, 3, 100]), 3.5);
  assert.equal(median([30, 4, 100]), 30);
});

test('calls a machine quiet whose baseline is the same each time', () => {
  assert.deepEqual(noiseOf(quiet), []);
});

test('calls a machine noisy on which the baseline differs between rounds, from itself, or shares its core', () => {
  const steady = [sample(100), sample(100)];
  const reasons = (baseline, control) =>
    noiseOf(results(baseline, control, steady)).filter((r) => r.startsWith('unary'));
  assert.match(
    reasons([sample(90), sample(110)], [sample(90), sample(110)]).join(),
    /^unary: .* varied by 20\.0 %[^,]*$/,
  );
  assert.match(reasons(steady, [sample(106), sample(107)]).join(), /^unary: .* differs from itself by 6\.5 %[^,]*$/);
  assert.match(reasons([sample(100), sample(100, 0.8)], steady).join(), /^unary: .* had only 80\.0 %[^,]*$/);
});

test('marks in the table who was slowed down by something else', () => {
  const [, , , , marked] = markdownTable(results([sample(1)], [sample(1)], [sample(2_000, 0.8)])).split('\n');
  assert.match(marked, /2,000 \\\* .* 20,000 \\\* /);
});

test('draws a bar for each server, without the second baseline', () => {
  const svg = chart(quiet);
  assert.equal(svg.match(/class="(?:peer|rookery)"/g).length, 4);
  assert.match(svg, /rookery-bare &lt;title>/);
  assert.match(svg, /204 \(2\.00 ×\)/);
});

test('replaces what is between the markers and nothing else', () => {
  const page = 'a\n<!-- results: begin -->\nold\n<!-- results: end -->\nb\n';
  const again = betweenMarkers(page, 'new');
  assert.equal(again, 'a\n<!-- results: begin -->\n\nnew\n\n<!-- results: end -->\nb\n');
  assert.equal(betweenMarkers(again, 'new'), again);
  assert.throws(() => betweenMarkers('a', 'new'), /README\.md has no/);
});
