import ts from 'typescript';

/**
 * Takes a source apart into what it imports and the rest. Imports are merged as sets: as text, two lists of names that
 * grew at the same place would be a conflict.
 */
export function splitImports(source) {
  const file = ts.createSourceFile('source.ts', source, ts.ScriptTarget.Latest, true);
  const imports = [];
  let end = 0;
  for (const statement of file.statements) {
    if (!ts.isImportDeclaration(statement)) break;
    imports.push(...bindingsOf(statement));
    end = statement.end;
  }
  return { imports, body: source.slice(end).replace(/^\s*\n/, '') };
}

function bindingsOf({ importClause: clause, moduleSpecifier: { text: module } }) {
  if (clause === undefined) return [{ module, text: '' }];
  const { name, namedBindings: bindings, isTypeOnly } = clause;
  const whole = [
    ...(name ? [{ module, local: name.text, text: name.text, isWhole: true, isTypeOnly }] : []),
    ...(bindings && ts.isNamespaceImport(bindings)
      ? [{ module, local: bindings.name.text, text: bindings.getText(), isWhole: true, isTypeOnly }]
      : []),
  ];
  if (!bindings || !ts.isNamedImports(bindings)) return whole;
  const named = bindings.elements.map((element) => ({
    module,
    local: element.name.text,
    text: element.propertyName ? `${element.propertyName.text} as ${element.name.text}` : element.name.text,
    isTypeOnly: isTypeOnly || element.isTypeOnly,
  }));
  return [...whole, ...named];
}

/**
 * What `body` needs of the imports of `yours` and `now`: all of yours, less those that were generated and that nothing uses
 * any more, and those of `now` that are used.
 */
export function importsFor(body, { yours, before, now }) {
  const used = namesIn(body);
  const wasGenerated = new Set(before.map(keyOf));
  const kept = yours.filter((one) => one.local === undefined || used.has(one.local) || !wasGenerated.has(keyOf(one)));
  const mine = new Map(kept.map((one) => [one.local, one]));
  const added = now.filter(({ local }) => used.has(local) && !mine.has(local));
  for (const one of now) {
    const own = mine.get(one.local);
    // A name that was a type only may have become a value as well.
    if (own && !one.isTypeOnly && keyOf(own) === keyOf(one)) own.isTypeOnly = false;
  }
  return print(kept, added);
}

const keyOf = ({ module, text }) => `${module} ${text}`;

/** Every name that a source has. */
export function namesIn(body) {
  const names = new Set();
  const visit = (node) => {
    if (ts.isIdentifier(node)) names.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('body.ts', body, ts.ScriptTarget.Latest, true));
  return names;
}

function print(kept, added) {
  const imports = [...kept, ...added];
  const modules = [...new Set(kept.map(({ module }) => module))];
  for (const { module } of added) {
    if (modules.includes(module)) continue;
    // Packages before files of the service.
    const packages = modules.findLastIndex((other) => !other.startsWith('.')) + 1;
    modules.splice(module.startsWith('.') ? modules.length : packages, 0, module);
  }
  return modules.flatMap((module) => {
    const own = imports.filter((one) => one.module === module);
    const named = own.filter(({ text, isWhole }) => text !== '' && !isWhole);
    const whole = own.filter(({ text, isWhole }) => text === '' || isWhole);
    return [
      ...whole.map(({ text, isTypeOnly }) => {
        return text === '' ? `import '${module}';` : `import ${isTypeOnly ? 'type ' : ''}${text} from '${module}';`;
      }),
      ...(named.length > 0 ? [namedImport(module, named)] : []),
    ];
  });
}

function namedImport(module, named) {
  const typesOnly = named.every(({ isTypeOnly }) => isTypeOnly);
  const specifiers = named
    .toSorted((one, other) => (one.text < other.text ? -1 : 1))
    .map(({ text, isTypeOnly }) => (isTypeOnly && !typesOnly ? `type ${text}` : text));
  return `import ${typesOnly ? 'type ' : ''}{ ${specifiers.join(', ')} } from '${module}';`;
}
