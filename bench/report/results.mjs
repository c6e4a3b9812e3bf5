import { spread } from './statistics.mjs';

/** Each figure of one RPC over the rounds. Ratios are to the baselines' mean in the same round. */
function figures(samples, cost) {
  const over = (figure) => spread(samples.map(({ its }) => figure(its)));
  const ratio = (figure) => spread(samples.map(({ its, beside }) => figure(its) / figure(beside)));
  return {
    perSecond: over(({ perSecond }) => perSecond),
    ratio: ratio(({ perSecond }) => perSecond),
    [cost]: over((one) => one[cost]),
    ratioByCpu: ratio((one) => 1 / one[cost]),
    busy: over(({ busy }) => busy),
  };
}

/**
 * @param {{ name: string, title: string }[]} servers
 * @param {Map<string, object[]>} samples by server, one a round
 */
export function summarize(servers, samples) {
  return servers.map(({ name, title }) => {
    const own = samples.get(name);
    const unary = own.map((sample) => sample.unary);
    const stream = own.map((sample) => sample.stream);
    return {
      name,
      title,
      unary: {
        ...figures(unary, 'cpuSecondsPer10k'),
        p50: spread(unary.map(({ its }) => its.p50)),
        p99: spread(unary.map(({ its }) => its.p99)),
      },
      stream: figures(stream, 'cpuSecondsPer100k'),
      rssBytes: spread(stream.map(({ its }) => its.rssBytes)),
      // Beside the figures what every round was, for whoever wants other statistics.
      rounds: own,
    };
  });
}
