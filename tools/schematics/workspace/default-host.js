const IMPORT = 'import "google/api/client.proto";';

/**
 * A proto in which each service says where it is: `option (google.api.default_host)`, the platform's table of ports. One
 * that says so already is left as it is.
 * @param {string} proto
 * @param {string} host such as `payment-service:50054`
 */
export function withDefaultHost(proto, host) {
  const option = `\n  option (google.api.default_host) = "${host}";\n`;
  const bare = [...proto.matchAll(/^[ \t]*service\s+\w+\s*\{/gm)]
    .map(({ 0: { length }, index }) => index + length)
    .filter((open) => !proto.slice(open, endOf(proto, open)).includes('(google.api.default_host)'));
  if (bare.length === 0) return proto;
  const text = bare.toReversed().reduce((rest, open) => rest.slice(0, open) + option + rest.slice(open), proto);
  return /^import\s+["']google\/api\/client\.proto["'];/m.test(text) ? text : withImport(text);
}

/** Where the block ends that was opened before `open`. What looks like a brace in a comment or a text is none. */
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

/** Sorted among the others, as `buf format` wants it. */
function withImport(proto) {
  const imports = [...proto.matchAll(/^import .*;$/gm)];
  const next = imports.find(([line]) => line > IMPORT);
  if (next) return `${proto.slice(0, next.index)}${IMPORT}\n${proto.slice(next.index)}`;
  const last = imports.at(-1) ?? /^package .*;$/m.exec(proto);
  const end = last.index + last[0].length;
  return `${proto.slice(0, end)}${imports.length > 0 ? '\n' : '\n\n'}${IMPORT}${proto.slice(end)}`;
}
