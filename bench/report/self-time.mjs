/** How many functions are worth listing. */
const MOST = 30;

const place = ({ url, lineNumber }) => (url ? ` ${url.split('/').slice(-3).join('/')}:${lineNumber + 1}` : '');

/** The functions in which a profile of V8 spent the most time itself, as lines: its share of the total, its name. */
export function selfTimes(profile) {
  const byFunction = new Map();
  const nodes = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  let total = 0;
  for (const [index, id] of profile.samples.entries()) {
    const frame = nodes.get(id);
    const key = `${frame.functionName || '(anonymous)'}${place(frame)}`;
    if (key === '(idle)') continue;
    total += profile.timeDeltas[index];
    byFunction.set(key, (byFunction.get(key) ?? 0) + profile.timeDeltas[index]);
  }
  return [...byFunction]
    .sort(([, a], [, b]) => b - a)
    .slice(0, MOST)
    .map(([key, time]) => `${((time / total) * 100).toFixed(1).padStart(5)} %  ${key}`);
}
