import { LEAST_BUSY } from './verdict.mjs';

const thousands = (value) => Math.round(value).toLocaleString('en-US');
const ratio = ({ median, low, high }) => `${median.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;

/** CPU seconds, and how many times as much the server does in one as the baseline. */
const cost = (seconds, byCpu) => `${seconds.median.toFixed(2)} (${byCpu.median.toFixed(2)})`;

/** What is right of the servers' names. `*`: it was not the server that decided. */
const COLUMNS = [
  ['calls/s', ({ unary }) => thousands(unary.perSecond.median) + (unary.busy.median < LEAST_BUSY ? ' \\*' : '')],
  ['ratio', ({ unary }) => ratio(unary.ratio)],
  ['p50 ms', ({ unary }) => unary.p50.median.toFixed(1)],
  ['p99 ms', ({ unary }) => unary.p99.median.toFixed(1)],
  ['CPU s/10k calls', ({ unary }) => cost(unary.cpuSecondsPer10k, unary.ratioByCpu)],
  ['messages/s', ({ stream }) => thousands(stream.perSecond.median) + (stream.busy.median < LEAST_BUSY ? ' \\*' : '')],
  ['ratio', ({ stream }) => ratio(stream.ratio)],
  ['CPU s/100k messages', ({ stream }) => cost(stream.cpuSecondsPer100k, stream.ratioByCpu)],
  ['RSS MB', ({ rssBytes }) => thousands(rssBytes.median / 1e6)],
];

/** The results in Markdown, in columns that a terminal shows as well. */
export function markdownTable(results) {
  const rows = [
    ['', ...COLUMNS.map(([heading]) => heading)],
    ...results.map((result) => [result.title, ...COLUMNS.map(([, cell]) => cell(result))]),
  ];
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const aligned = rows.map((row) =>
    line(row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))),
  );
  const rule = line(widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)));
  return [aligned[0], rule, ...aligned.slice(1)].join('\n');
}
