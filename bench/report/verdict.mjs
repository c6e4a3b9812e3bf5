import { BASELINE, CONTROL } from '../servers/catalogue.mjs';

/** The two baselines may differ by this share in the median, and the middle half of that may lie this far apart. */
const MOST_DEVIATION = 0.05;
const MOST_SPREAD = 0.2;
/** Below this share of its core a server did not decide how fast it was. */
export const LEAST_BUSY = 0.9;

const percent = (share) => `${(share * 100).toFixed(1)} %`;

/** Why the machine was too noisy for what was measured on it to mean much; empty when it was quiet. */
export function noiseOf(results) {
  const control = results.find(({ name }) => name === CONTROL);
  if (!control) return ['the baseline was not measured a second time'];
  return ['unary', 'stream'].flatMap((kind) => {
    const reasons = [];
    const { ratio, busy } = control[kind];
    // The ratio is to the mean of both: the other baseline's is as far from 1 on the other side.
    const deviation = 2 * Math.abs(ratio.median - 1);
    const apart = 2 * (ratio.high - ratio.low);
    if (deviation > MOST_DEVIATION) {
      reasons.push(
        `${kind}: ${BASELINE} differs from itself by ${percent(deviation)} (at most ${percent(MOST_DEVIATION)})`,
      );
    }
    if (apart > MOST_SPREAD) {
      const most = percent(MOST_SPREAD);
      reasons.push(
        `${kind}: half of the ratios of ${BASELINE} to itself lie ${percent(apart)} apart (at most ${most})`,
      );
    }
    if (busy.median < LEAST_BUSY) {
      reasons.push(
        `${kind}: ${BASELINE} had only ${percent(busy.median)} of its core (at least ${percent(LEAST_BUSY)})`,
      );
    }
    return reasons;
  });
}
