import { claim } from './names.js';

/** What generated code means by these names, whatever a proto calls its messages. */
const GLOBALS = ['AsyncIterable', 'Buffer', 'Date', 'InstanceType', 'Map', 'Object', 'Promise', 'Record'];
/** What it imports from elsewhere under these names, in some file or other. */
const FRAMEWORK = (
  'GrpcController Injectable IsDate IsDefined IsEnumValue IsNumber IsOptional IsRequired MapOf Matches Max Messages Min ' +
  'OneOf Payload Type Unimplemented ValidateNested expect it plainToInstance validate'
).split(' ');

/** A TypeScript file in the making: its text, and what the text imports. A name that is taken is imported under another. */
export class SourceFile {
  /** @param {string} stem `payment.dto` for payment.dto.ts */
  constructor(stem, declared = []) {
    this.stem = stem;
    this.taken = new Set([...GLOBALS, ...declared]);
    this.imports = new Map();
    this.blocks = [];
  }

  /** What to call `name` of `module` in this file. A name that is used as a value anywhere is imported as one. */
  value(module, name) {
    const imported = this.#imported(module, name);
    imported.isValue = true;
    return imported.local;
  }

  /** As `value`, for what is used as a type. */
  type(module, name) {
    return this.#imported(module, name).local;
  }

  #imported(module, name) {
    const names = this.imports.get(module) ?? new Map();
    this.imports.set(module, names);
    const known = names.get(name);
    if (known) return known;
    const isContract = module.startsWith('@rookery/contracts/');
    const candidates = isContract && FRAMEWORK.includes(name) ? [`${name}Message`] : [name, `${name}Message`];
    const imported = { name, local: claim(this.taken, ...candidates), isValue: false };
    names.set(name, imported);
    return imported;
  }

  /** What the file imports, as `splitImports` tells it. */
  bindings() {
    return [...this.imports].flatMap(([module, names]) =>
      [...names.values()].map(({ name, local, isValue }) => ({
        module,
        local,
        text: name === local ? name : `${name} as ${local}`,
        isTypeOnly: !isValue,
      })),
    );
  }

  add(...blocks) {
    this.blocks.push(...blocks);
  }

  toString() {
    const modules = [...this.imports].sort(([one], [other]) => order(one, other));
    const imports = modules.map(([module, names]) => importOf(module, [...names.values()]));
    return `${imports.join('\n')}\n\n${this.blocks.join('\n\n')}\n`;
  }
}

/** Packages before files of the service. */
function order(one, other) {
  const isOwn = (module) => Number(module.startsWith('.'));
  return isOwn(one) - isOwn(other) || compare(one, other);
}

function importOf(module, names) {
  const types = names.every(({ isValue }) => !isValue);
  const specifiers = names
    .toSorted((one, other) => compare(one.name, other.name))
    .map(({ name, local, isValue }) => {
      const type = types || isValue ? '' : 'type ';
      return `${type}${name === local ? name : `${name} as ${local}`}`;
    });
  return `import ${types ? 'type ' : ''}{ ${specifiers.join(', ')} } from '${module}';`;
}

function compare(one, other) {
  return one < other ? -1 : Number(one > other);
}
