import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chart } from './chart.mjs';
import { betweenMarkers } from './markers.mjs';
import { summarize } from './results.mjs';
import { spread } from './statistics.mjs';
import { markdownTable } from './table.mjs';
import { noiseOf } from './verdict.mjs';

const SERVERS = ['raw-static', 'raw-static-again', 'rookery-bare'].map((name) => ({ name, title: `${name} <title>` }));

const side = (perSecond, busy) => ({
  unary: { perSecond, p50: 1, p99: 2, cpuSecondsPer10k: 10_000 / perSecond, busy },
  stream: { perSecond: perSecond * 10, cpuSecondsPer100k: 1, busy, rssBytes: 100e6 },
});

/** A round in which a server did `perSecond`, and had `busy` of its core, in which the baseline did `beside`. */
const sample = (perSecond, beside = 100, busy = 1) => {
  const [its, before] = [side(perSecond, busy), side(beside, 1)];
  return {
    unary: { its: its.unary, beside: before.unary },
    stream: { its: its.stream, beside: before.stream },
  };
};

const results = (baseline, control, rookery) =>
  summarize(SERVERS, new Map(SERVERS.map(({ name }, index) => [name, [baseline, control, rookery][index]])));

const steady = [sample(100), sample(100), sample(100)];
const quiet = results(steady, [sample(100.5), sample(101.5), sample(101)], [sample(150), sample(200), sample(204, 51)]);

test('takes the median of the ratios to the baseline in the same round', () => {
  assert.deepEqual(quiet[2].unary.ratio, { median: 2, low: 1.75, high: 3 });
  assert.equal(quiet[2].unary.perSecond.median, 200);
});

test('says where the middle half lies', () => {
  assert.deepEqual(spread([4, 1, 3, 100, 2]), { median: 3, low: 2, high: 4 });
  assert.deepEqual(spread([1, 2]), { median: 1.5, low: 1.25, high: 1.75 });
});

test('calls a machine quiet whose baseline is the same each time', () => {
  assert.deepEqual(noiseOf(quiet), []);
});

test('calls a machine noisy on which the baseline differs from itself, now and then, or shares its core', () => {
  const reasons = (control) => noiseOf(results(steady, control, steady)).filter((r) => r.startsWith('unary'));
  assert.match(reasons([sample(103), sample(103.5)]).join(), /^unary: .* differs from itself by 6\.5 %[^,]*$/);
  assert.match(reasons([sample(90), sample(100), sample(112.5)]).join(), /^unary: half of .* lie 22\.5 % apart[^,]*$/);
  assert.match(reasons([sample(100, 100, 0.8)]).join(), /^unary: .* had only 80\.0 %[^,]*$/);
});

test('marks in the table who was slowed down by something else', () => {
  const [, , , , marked] = markdownTable(results([sample(1)], [sample(1)], [sample(2_000, 1, 0.8)])).split('\n');
  assert.match(marked, /2,000 \\\* .* 20,000 \\\* /);
});

test('draws a bar for each server, without the second baseline', () => {
  const svg = chart(quiet);
  assert.equal(svg.match(/class="(?:peer|rookery)"/g).length, 4);
  assert.match(svg, /rookery-bare &lt;title>/);
  assert.match(svg, /200 \(2\.00 ×\)/);
});

test('replaces what is between the markers and nothing else', () => {
  const page = 'a\n<!-- results: begin -->\nold\n<!-- results: end -->\nb\n';
  const again = betweenMarkers(page, 'new');
  assert.equal(again, 'a\n<!-- results: begin -->\n\nnew\n\n<!-- results: end -->\nb\n');
  assert.equal(betweenMarkers(again, 'new'), again);
  assert.throws(() => betweenMarkers('a', 'new'), /README\.md has no/);
});
