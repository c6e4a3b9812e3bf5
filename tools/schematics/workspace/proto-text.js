/**
 * The blocks of the services of a proto: `open` is where the first character after the brace is, `end` where the closing
 * brace is. What looks like a brace in a comment or a text is none.
 */
export function serviceBlocks(proto) {
  return [...proto.matchAll(/^[ \t]*service\s+(\w+)\s*\{/gm)].map(({ 0: { length }, 1: name, index }) => {
    const open = index + length;
    return { name, open, end: endOf(proto, open) };
  });
}

/** Where the block ends that was opened before `open`. */
function endOf(proto, open) {
  const token = /\/\/.*|\/\*[^]*?\*\/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{}]/g;
  token.lastIndex = open;
  let depth = 1;
  for (let found = token.exec(proto); found; found = token.exec(proto)) {
    if (found[0] === '{') depth += 1;
    else if (found[0] === '}' && --depth === 0) return found.index;
  }
  return proto.length;
}

/** The proto with an import of `path`, sorted among the others, as `buf format` wants it. */
export function withProtoImport(proto, path) {
  const escaped = path.replaceAll('.', '\\.');
  if (new RegExp(`^import\\s+["']${escaped}["'];`, 'm').test(proto)) return proto;
  const added = `import "${path}";`;
  const imports = [...proto.matchAll(/^import .*;$/gm)];
  const next = imports.find(([line]) => line > added);
  if (next) return `${proto.slice(0, next.index)}${added}\n${proto.slice(next.index)}`;
  const last = imports.at(-1) ?? /^package .*;$/m.exec(proto);
  const end = last.index + last[0].length;
  return `${proto.slice(0, end)}${imports.length > 0 ? '\n' : '\n\n'}${added}${proto.slice(end)}`;
}
