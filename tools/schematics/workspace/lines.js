/**
 * Inserts `added` after the last line in a row, from `anchor` on, that looks like `sibling`.
 * @returns `fits`: no line of it is longer than those of the row, so that none has to be broken; in a table it is as long
 */
export function insertAfterLast(text, { path, anchor, sibling, added }) {
  const lines = text.split('\n');
  const from = lines.findIndex((line) => anchor.test(line));
  let last = -1;
  let longest = 0;
  if (from >= 0) {
    for (let at = from; at < lines.length; at += 1) {
      if (sibling.test(lines[at])) {
        last = at;
        longest = Math.max(longest, lines[at].length);
      } else if (last >= 0) break;
    }
  }
  if (last < 0) throw new Error(`${path} lists its services in another way than expected; there is no ${anchor}.`);
  lines.splice(last + 1, 0, ...added);
  const fits = added.every((line) => (line.startsWith('|') ? line.length === longest : line.length <= longest));
  return { text: lines.join('\n'), fits };
}

/** Removes the first run of lines that equals `added`, when it is there; columns of tables may be wider since. */
export function removeLines(text, added) {
  const said = (line) => line?.replace(/ +/g, ' ');
  const lines = text.split('\n');
  const at = lines.findIndex((_, index) => added.every((line, offset) => said(lines[index + offset]) === said(line)));
  if (at < 0) return text;
  lines.splice(at, added.length);
  return lines.join('\n');
}
