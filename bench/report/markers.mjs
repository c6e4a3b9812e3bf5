const BEGIN = '<!-- results: begin -->';
const END = '<!-- results: end -->';

/** `text` with what is between the markers replaced. @throws when it has no markers */
export function betweenMarkers(text, content) {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`README.md has no ${BEGIN} … ${END} to write the results between`);
  return `${text.slice(0, begin + BEGIN.length)}\n\n${content}\n\n${text.slice(end)}`;
}
