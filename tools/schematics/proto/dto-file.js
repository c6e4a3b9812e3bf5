import { docOf } from './comments.js';
import { hasPresence, isOptional, isPlainBool, oneofRules, rulesOf } from './field-rules.js';
import { contentOf, isBoxed, typeText } from './field-type.js';
import { contractsOf, propertyOf, typeOf } from './names.js';
import { SourceFile } from './source-file.js';

/** The DTO classes of a proto's messages. @param dtos `Dtos` */
export function dtoFile(dtos, stem, entries) {
  const file = new SourceFile(
    `${stem}.dto`,
    entries.map(({ name }) => name),
  );
  const declared = new Set();
  for (const entry of entries) file.add(dtoText(dtos, file, entry, declared));
  return file;
}

/** The DTO class of a message. @param {Set<string>} declared the classes that `file` has before it, and then it too */
export function dtoText(dtos, file, entry, declared) {
  declared.add(entry.name);
  return new DtoClass(dtos, file, entry, declared).toString();
}

/** The properties of a request that are refused when nobody sets them. */
export function requiredProperties(dtos, entry) {
  const fields = entry.message.fields.filter((field) => isRequired(dtos, entry, field) && !isPlainBool(field));
  return fields.map(propertyOf).filter((property) => !isMethodOfObjects(property));
}

function isRequired({ pkg }, { named, changes }, field) {
  return named.includes(field.name) || (!changes && field.oneof === undefined && pkg.isRequired(field));
}

class DtoClass {
  constructor(dtos, file, entry, declared) {
    Object.assign(this, { dtos, file, entry, declared });
  }

  toString() {
    const { message, name, changes } = this.entry;
    const contract = this.file.type(contractsOf(message), typeOf(message));
    const doc = changes ? `/** The fields of ${contract} that an update may change. */\n` : docOf(message);
    const members = message.members.map((member) =>
      member.kind === 'oneof' ? this.#oneof(member) : this.#field(member),
    );
    return `${doc}export class ${name} implements ${contract} {\n${spaced(members)}\n}`;
  }

  #field(field) {
    const property = safeProperty(field);
    const required = isRequired(this.dtos, this.entry, field);
    // A caller's value of it means nothing (https://aip.dev/203#output-only).
    const ignored = (this.dtos.pkg.isOutputOnly(field) && !required) || isMethodOfObjects(property);
    const rules = ignored ? [] : [...this.#maskRules(field), ...this.#rules(field, required)];
    const messageType = (message) => (ignored ? undefined : this.#reference(field)) ?? this.#contract(message);
    const type = typeText(field, this.file, messageType);
    const absent = hasPresence(field) && !required && !isOptional(field) && type !== 'unknown' ? ' | undefined' : '';
    const mark = isOptional(field) && !required ? '?' : '!';
    return docOf(field) + decorated(rules) + declaration(property, mark, `${type}${absent}`);
  }

  #oneof(oneof) {
    const property = safeProperty(oneof);
    const rules = oneofRules(oneof, { file: this.file, classOf: (field) => this.#class(field), nameOf: propertyOf });
    const cases = oneof.fields.map((field) => {
      const type = typeText(field, this.file, (message) => this.#class(field) ?? this.#contract(message));
      const absent = isBoxed(field.message) ? ' | undefined' : '';
      return `{ $case: '${propertyOf(field)}'; value: ${type}${absent} }`;
    });
    return decorated(rules) + declaration(property, '!', `${cases.join(' | ')} | undefined`);
  }

  #rules(field, required) {
    return rulesOf(field, { file: this.file, classOf: () => this.#class(field), required });
  }

  /** Paths of a mask begin with a field of the resource that can be set (https://aip.dev/134). */
  #maskRules(field) {
    const { changed } = this.entry;
    if (changed === undefined || field.name !== 'update_mask') return [];
    const names = this.dtos
      .inputFields(changed.message)
      .map(({ name, fieldKind }) => (fieldKind === 'message' ? `${name}(\\..+)?` : name));
    const optional = this.file.value('class-validator', 'IsOptional');
    const message = "'$property must name fields that can be changed'";
    const pattern = `/^(\\*|${names.join('|')})$/`;
    return [
      `${optional}()`,
      `${this.file.value('class-validator', 'Matches')}(${pattern}, { each: true, message: ${message} })`,
    ];
  }

  /** The class of the field's message as a value. */
  #class(field) {
    const used = this.dtos.ofField(field, this.entry);
    if (used === undefined) return undefined;
    return `${used.stem}.dto` === this.file.stem ? used.name : this.file.value(`./${used.stem}.dto.js`, used.name);
  }

  /** As a type: what is declared further down must not be looked for when the class is made (`design:type`). */
  #reference(field) {
    const name = this.#class(field);
    const used = this.dtos.ofField(field, this.entry);
    if (used === undefined || contentOf(field).kind !== 'single') return name;
    return `${used.stem}.dto` === this.file.stem && !this.declared.has(used.name)
      ? `InstanceType<typeof ${name}>`
      : name;
  }

  #contract(message) {
    return this.file.type(contractsOf(message), typeOf(message));
  }
}

/** A blank line between members, but for those that are a line each. */
function spaced(members) {
  const isLine = (member) => !member.includes('\n');
  return members.reduce(
    (text, member, index) =>
      text + (index === 0 ? '' : isLine(member) && isLine(members[index - 1]) ? '\n' : '\n\n') + member,
    '',
  );
}

const decorated = (rules) => rules.map((rule) => `@${rule}\n`).join('');

/**
 * A field that is named like a method of every object needs a value, or what arrives is taken for one that hides it; and to
 * TypeScript its class is an object only while it has the method.
 */
function declaration(property, mark, type) {
  if (!isMethodOfObjects(property)) return `${property}${mark}: ${type};`;
  const value = / /.test(type) ? `(${type})` : type;
  return `${property}: ${value} & typeof Object.prototype.${property} = undefined as never;`;
}

/** Whether every object has a method of that name: class-validator fails of a class that has a rule for it. */
function isMethodOfObjects(property) {
  return property in Object.prototype;
}

function safeProperty(member) {
  const property = propertyOf(member);
  if (property !== 'constructor' && property !== '__proto__') return property;
  const { typeName } = member.parent;
  throw new Error(`${typeName}.${member.name}: a class can have no field of that name; call it something else.`);
}
