/** Inserts `added` after the last line in a row, from `anchor` on, that looks like `sibling`. */
export function insertAfterLast(text, { path, anchor, sibling, added }) {
  const lines = text.split('\n');
  const from = lines.findIndex((line) => anchor.test(line));
  let last = -1;
  if (from >= 0) {
    for (let at = from; at < lines.length; at += 1) {
      if (sibling.test(lines[at])) last = at;
      else if (last >= 0) break;
    }
  }
  if (last < 0) throw new Error(`${path} lists its services in another way than expected; there is no ${anchor}.`);
  lines.splice(last + 1, 0, ...added);
  return lines.join('\n');
}

/** Removes the first run of lines that equals `added`, when it is there. */
export function removeLines(text, added) {
  const lines = text.split('\n');
  const at = lines.findIndex((_, index) => added.every((line, offset) => lines[index + offset] === line));
  if (at < 0) return text;
  lines.splice(at, added.length);
  return lines.join('\n');
}
