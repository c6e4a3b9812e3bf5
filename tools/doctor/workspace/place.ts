/** The line, from 1, of the first match of `wanted` in `text`; undefined when there is none. */
export function lineOf(text: string, wanted: RegExp | string): number | undefined {
  const index = typeof wanted === 'string' ? text.indexOf(wanted) : text.search(wanted);
  return index < 0 ? undefined : text.slice(0, index).split('\n').length;
}

/** `path:line`, or the path alone. */
export function place(path: string, line: number | undefined): string {
  return line === undefined ? path : `${path}:${line}`;
}
