const times = (value) => `${value.toFixed(2)} ×`;
const perSecond = (value) => `${Math.round(value).toLocaleString('en-US')}/s`;
const ms = (value) => `${value.toFixed(1)} ms`;
const megabytes = (value) => `${value.toFixed(1)} MB`;
const count = (value) => value.toLocaleString('en-US', { maximumFractionDigits: 1 });

/** What is asked of each figure. */
const ASKED = {
  queries: { title: '1,000 concurrent misses of one key, 3 processes: database queries', show: count, most: 1 },
  redisToDatabase: { title: 'Cache hit in Redis : the same call from the database', show: times, least: 3 },
  memoryToDatabase: { title: 'Cache hit in memory : the same call from the database', show: times, least: 5 },
  redisToNeither: { title: 'Cache hit in Redis : the same call with neither', show: times, least: 0.7 },
  memoryToNeither: { title: 'Cache hit in memory : the same call with neither', show: times, least: 0.9 },
  outboxToPlain: { title: 'Transactions with an event : the same without', show: times, least: 0.7 },
  outboxPublishedToPlain: {
    title: 'The same, while this process also publishes them',
    show: times,
  },
  backlog: { title: 'Backlog of 100,000 events, published', show: perSecond, least: 5_000 },
  consumed: { title: 'Events handled in a transaction each, one process', show: perSecond, least: 1_500 },
  eventsPerSecond: { title: 'Events sent for the next two figures (500/s wanted)', show: perSecond, least: 490 },
  p50: { title: 'Commit → handler starts at 500 events/s, p50', show: ms, most: 10 },
  p99: { title: 'Commit → handler starts at 500 events/s, p99', show: ms, most: 100 },
  outboxLargestMegabytes: { title: 'The outbox at its largest while a million events go through', show: megabytes },
  outboxMegabytes: { title: 'The outbox two and a half minutes later', show: megabytes, most: 50 },
};

/** Each measured figure beside what is asked of it. */
export function verdicts(results) {
  return Object.entries(ASKED).flatMap(([name, { title, show, least, most }]) => {
    const value = results[name];
    if (value === undefined) return [];
    const asked = least === undefined ? (most === undefined ? '' : `≤ ${show(most)}`) : `≥ ${show(least)}`;
    const reached = (least === undefined || value >= least) && (most === undefined || value <= most);
    return [{ name, title, value, measured: show(value), asked, reached }];
  });
}

/** The figures in Markdown, in columns that a terminal shows as well. */
export function table(figures) {
  const rows = [
    ['', 'measured', 'asked', ''],
    ...figures.map(({ title, measured, asked, reached }) => [
      title,
      measured,
      asked,
      asked && !reached ? 'missed' : '',
    ]),
  ];
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (cells) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join(' | ')} |`;
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(rows[0]), line(rule), ...rows.slice(1).map(line)].join('\n');
}

/** One sentence about the machine. */
export function describe({ node, cpu, cores, pinned }) {
  const where = pinned ? 'services and load pinned to a core each, the servers to none' : 'nothing pinned';
  return `Node.js ${node}, ${cpu}, ${cores} cores, ${where}.`;
}
