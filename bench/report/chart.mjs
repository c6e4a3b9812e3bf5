import { BASELINE, CONTROL } from '../servers/catalogue.mjs';

const WIDTH = 860;
const LABELS = 310;
const FIGURES = 140;
const ROW = 26;
const HEADING = 46;
const MARGIN = 20;

/** Colours of its own for both schemes, background included: it can be read wherever it is shown. */
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .heading { font-weight: 600; font-size: 15px; }
  .background { fill: #ffffff; stroke: #d1d9e0; }
  .peer { fill: #8c959f; }
  .rookery { fill: #0969da; }
  .baseline { stroke: #57606a; stroke-dasharray: 3 3; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .background { fill: #0d1117; stroke: #3d444d; }
    .peer { fill: #656c76; }
    .rookery { fill: #4493f8; }
    .baseline { stroke: #9198a1; }
  }`;

const escaped = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');

function panel({ heading, bars, top }) {
  const baseline = bars.find(({ name }) => name === BASELINE);
  const room = WIDTH - 2 * MARGIN - LABELS - FIGURES;
  const left = MARGIN + LABELS;
  const longest = Math.max(...bars.map(({ value }) => value));
  const length = (value) => Math.round((value / longest) * room);
  const rows = bars.map(({ name, title, value, ratio }, index) => {
    const y = top + HEADING + index * ROW;
    const middle = y + ROW / 2 + 1;
    const figure = `${Math.round(value).toLocaleString('en-US')} (${ratio.toFixed(2)} ×)`;
    return [
      `<text x="${left - 10}" y="${middle}" text-anchor="end">${escaped(title)}</text>`,
      `<rect class="${name.startsWith('rookery') ? 'rookery' : 'peer'}" x="${left}" y="${y}" width="${length(value)}" height="${ROW - 8}" rx="2"/>`,
      `<text x="${WIDTH - MARGIN}" y="${middle}" text-anchor="end">${figure}</text>`,
    ].join('\n');
  });
  const x = left + length(baseline.value);
  const bottom = top + HEADING + bars.length * ROW - 4;
  return [
    `<text class="heading" x="${MARGIN}" y="${top + 26}">${escaped(heading)}</text>`,
    ...rows,
    `<line class="baseline" x1="${x}" x2="${x}" y1="${top + HEADING - 6}" y2="${bottom}"/>`,
  ].join('\n');
}

/** Horizontal bars of both RPCs as an SVG document; the dashed line is the baseline. */
export function chart(results) {
  const shown = results.filter(({ name }) => name !== CONTROL);
  const bars = (kind) =>
    shown.map((result) => ({
      name: result.name,
      title: result.title,
      value: result[kind].perSecond.median,
      ratio: result[kind].ratio.median,
    }));
  const height = HEADING + shown.length * ROW + 10;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${2 * height + MARGIN}" role="img">
<title>Calls and messages per second of each server, on one core</title>
<style>${STYLE}
</style>
<rect class="background" x="0.5" y="0.5" width="${WIDTH - 1}" height="${2 * height + MARGIN - 1}" rx="6"/>
${panel({ heading: 'Unary calls per second', bars: bars('unary'), top: 0 })}
${panel({ heading: 'Streamed messages per second', bars: bars('stream'), top: height })}
</svg>
`;
}
