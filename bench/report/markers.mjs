/**
 * `text` with what is between the markers of `name` replaced.
 * @throws when it has no such markers
 */
export function betweenMarkers(text, content, name = 'results') {
  const [first, last] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const begin = text.indexOf(first);
  const end = text.indexOf(last);
  if (begin < 0 || end < begin) throw new Error(`README.md has no ${first} … ${last} to write the results between`);
  return `${text.slice(0, begin + first.length)}\n\n${content}\n\n${text.slice(end)}`;
}
