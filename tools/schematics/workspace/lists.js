/** `open` is what begins an array of names in a TypeScript source: `controllers: [`. */
const arrayAfter = (open) => new RegExp(`(${open}\\s*\\[)([^\\]]*)(\\])`);

/** Appends a name to an array of names. @returns undefined when the source has none of that kind */
export function withName(source, open, name) {
  const pattern = arrayAfter(open);
  if (!pattern.test(source)) return undefined;
  return source.replace(pattern, (_, start, names, end) => {
    const others = names.trim().replace(/,$/, '');
    return `${start}${others}${others === '' ? '' : ', '}${name}${end}`;
  });
}

/** Takes a name out of an array of names. */
export function withoutName(source, open, name) {
  const listed = new RegExp(`,?\\s*\\b${name}\\b`);
  return source.replace(arrayAfter(open), (_, start, names, end) => {
    return start + names.replace(listed, '').replace(/^\s*,/, '') + end;
  });
}

/** Imports a name behind what a source imports already. */
export function withImport(source, name, module) {
  const last = source.lastIndexOf('\nimport ') + 1;
  const end = source.indexOf('\n', source.indexOf(' from ', last)) + 1;
  return `${source.slice(0, end)}${importOf(name, module)}${source.slice(end)}`;
}

export function withoutImport(source, name, module) {
  return source.replace(importOf(name, module), '');
}

const importOf = (name, module) => `import { ${name} } from '${module}';\n`;
