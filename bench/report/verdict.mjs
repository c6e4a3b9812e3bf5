import { BASELINE, CONTROL } from '../servers/catalogue.mjs';

/** The baseline's rounds may differ from each other by this share of their median. */
const MOST_SPREAD = 0.1;
/** The baseline measured twice may differ from itself by this share. */
const MOST_DEVIATION = 0.05;
/** Below this share of its core a server did not decide how fast it was. */
export const LEAST_BUSY = 0.9;

const percent = (share) => `${(share * 100).toFixed(1)} %`;

/** Why the machine was too noisy for what was measured on it to mean much; empty when it was quiet. */
export function noiseOf(results) {
  const baseline = results.find(({ name }) => name === BASELINE);
  const control = results.find(({ name }) => name === CONTROL);
  return ['unary', 'stream'].flatMap((kind) => {
    const reasons = [];
    const { perSecond, busy } = baseline[kind];
    const varied = (perSecond.max - perSecond.min) / perSecond.median;
    if (varied > MOST_SPREAD) {
      reasons.push(
        `${kind}: ${BASELINE} varied by ${percent(varied)} between rounds (at most ${percent(MOST_SPREAD)})`,
      );
    }
    const deviation = control ? Math.abs(control[kind].ratio.median - 1) : 0;
    if (deviation > MOST_DEVIATION) {
      reasons.push(
        `${kind}: ${BASELINE} differs from itself by ${percent(deviation)} (at most ${percent(MOST_DEVIATION)})`,
      );
    }
    if (busy.min < LEAST_BUSY) {
      reasons.push(`${kind}: ${BASELINE} had only ${percent(busy.min)} of its core (at least ${percent(LEAST_BUSY)})`);
    }
    return reasons;
  });
}
