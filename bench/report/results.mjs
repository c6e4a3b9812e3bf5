import { BASELINE } from '../servers/catalogue.mjs';
import { spread } from './statistics.mjs';

/** Of each round's ratios: what disturbs a whole round disturbs both sides of a ratio. */
function ratioSpread(samples, baseline, figure) {
  return spread(samples.map((sample, round) => figure(sample) / figure(baseline[round])));
}

/** Each figure of each RPC over the rounds; beside them what every round was, for whoever wants other statistics. */
function figures(samples, baseline) {
  const over = (figure) => spread(samples.map(figure));
  return {
    unary: {
      perSecond: over(({ unary }) => unary.perSecond),
      ratio: ratioSpread(samples, baseline, ({ unary }) => unary.perSecond),
      p50: over(({ unary }) => unary.p50),
      p99: over(({ unary }) => unary.p99),
      cpuSecondsPer10k: over(({ unary }) => unary.cpuSecondsPer10k),
      ratioByCpu: ratioSpread(samples, baseline, ({ unary }) => 1 / unary.cpuSecondsPer10k),
      busy: over(({ unary }) => unary.busy),
    },
    stream: {
      perSecond: over(({ stream }) => stream.perSecond),
      ratio: ratioSpread(samples, baseline, ({ stream }) => stream.perSecond),
      cpuSecondsPer100k: over(({ stream }) => stream.cpuSecondsPer100k),
      ratioByCpu: ratioSpread(samples, baseline, ({ stream }) => 1 / stream.cpuSecondsPer100k),
      busy: over(({ stream }) => stream.busy),
    },
    rssBytes: over(({ rssBytes }) => rssBytes),
    rounds: samples,
  };
}

/**
 * @param {{ name: string, title: string }[]} servers
 * @param {Map<string, object[]>} samples by server, one a round
 */
export function summarize(servers, samples) {
  const baseline = samples.get(BASELINE);
  return servers.map(({ name, title }) => ({ name, title, ...figures(samples.get(name), baseline) }));
}
