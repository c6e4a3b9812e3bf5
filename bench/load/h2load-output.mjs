/**
 * The counts in what h2load prints.
 * @throws when a call failed or was not answered with 200
 */
export function parseSummary(output) {
  const finished = output.match(/^finished in [^,]+, ([\d.]+) req\/s/m);
  const requests = output.match(
    /^requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/m,
  );
  const codes = output.match(/^status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/m);
  if (!finished || !requests || !codes) throw new Error(`h2load printed no summary:\n${output}`);
  const [done, succeeded, ...lost] = requests.slice(1).map(Number);
  if (done === 0 || succeeded !== done || [...lost, ...codes.slice(1)].some((count) => Number(count) > 0)) {
    throw new Error(`Calls failed, so the figures would say nothing:\n${requests[0]}\n${codes[0]}`);
  }
  return { calls: done, perSecond: Number(finished[1]) };
}

/** Percentiles in milliseconds of h2load's log: a line per call, its third column the microseconds it took. */
export function parseLatencies(log) {
  const times = Float64Array.from(log.trim().split('\n'), (line) => Number(line.split('\t')[2])).sort();
  const percentile = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))] / 1_000;
  return { p50: percentile(0.5), p99: percentile(0.99) };
}
