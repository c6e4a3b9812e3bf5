const IMPORT = 'import "google/api/client.proto";';

/** A proto in which each service says where it is: `option (google.api.default_host)`, the platform's table of ports. */
export function withDefaultHost(proto, host) {
  const lines = proto.split('\n');
  const option = `  option (google.api.default_host) = "${host}";`;
  let added = false;
  for (let at = 0; at < lines.length; at += 1) {
    if (!/^service\s+\w+\s*\{/.test(lines[at])) continue;
    const end = lines.findIndex((line, index) => index >= at && line.startsWith('}'));
    if (lines.slice(at, end + 1).some((line) => line.includes('google.api.default_host'))) continue;
    lines.splice(at + 1, 0, option, '');
    added = true;
  }
  const text = lines.join('\n');
  return !added || text.includes(IMPORT) ? text : withImport(text);
}

/** Sorted among the others, as `buf format` wants it. */
function withImport(proto) {
  const imports = [...proto.matchAll(/^import .*;$/gm)];
  const next = imports.find(([line]) => line > IMPORT);
  if (next) return proto.slice(0, next.index) + `${IMPORT}\n` + proto.slice(next.index);
  const last = imports.at(-1) ?? /^package .*;$/m.exec(proto);
  const end = last.index + last[0].length;
  return `${proto.slice(0, end)}${imports.length > 0 ? '\n' : '\n\n'}${IMPORT}${proto.slice(end)}`;
}
