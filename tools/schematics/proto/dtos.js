import { contentOf, nativeOf } from './field-type.js';
import { claim, dtoStemOf, typeOf } from './names.js';

/** Messages of Google's whose comments say what they may hold. What else comes from there is taken as it is. */
export const RULED = new Set(['google.protobuf.Duration', 'google.type.Money']);

/**
 * Which messages get a DTO class: what the RPCs take, and what is in it. In a request with an update mask (AIP-134) the
 * resource gets a class of its own, in which nothing is required but what the path names: a change says only what it changes.
 */
export class Dtos {
  #entries = new Map();
  #stems = new Map();

  /** @param pkg what `loadPackage` gives */
  constructor(pkg) {
    this.pkg = pkg;
    for (const file of pkg.files) this.#stemOf(file);
    const methods = pkg.services.flatMap((service) => service.methods);
    for (const input of new Set(methods.map((method) => method.input))) {
      const paths = methods.filter((method) => method.input === input).map((method) => pkg.pathFields(method));
      // What only one of several RPCs has in its path, the others need not have.
      this.#add(input, { named: paths[0].filter((path) => paths.every((other) => other.includes(path))) });
    }
    this.#nameClasses();
  }

  /** The class of an RPC's request. */
  ofRequest(message) {
    return this.#entries.get(message.typeName);
  }

  /** The class of a field's message, or undefined when it has none: that of the message's own type does. */
  ofField(field, { changed } = {}) {
    const { message } = field;
    if (!hasClass(message)) return undefined;
    return this.#entries.get(changed === field ? changesKey(message) : message.typeName);
  }

  /** The classes by the file that they are in, those that others need before them. */
  byStem() {
    const files = new Map();
    for (const entry of this.#entries.values()) files.set(entry.stem, [...(files.get(entry.stem) ?? []), entry]);
    for (const [stem, entries] of files) files.set(stem, this.#sorted(entries));
    return files;
  }

  /** The members of a message that a caller may set. */
  inputFields(message) {
    return message.fields.filter((field) => !this.pkg.isOutputOnly(field));
  }

  #add(message, { changes = false, named = [] } = {}) {
    const key = changes ? changesKey(message) : message.typeName;
    const known = this.#entries.get(key);
    if (known) return;
    const changed = changes ? undefined : resourceOf(message);
    const stem = this.#stemOf(message.file);
    this.#entries.set(key, { message, changes, changed, named, stem, name: '' });
    for (const field of message.fields.filter((each) => !this.pkg.isOutputOnly(each))) {
      if (!hasClass(field.message)) continue;
      if (field !== changed) this.#add(field.message);
      else this.#add(field.message, { changes: true, named: below(named, field.name) });
    }
  }

  /** `CreatePaymentDto` for CreatePaymentRequest. Where two would be called the same, the nested one says where it is from. */
  #nameClasses() {
    const taken = new Set();
    const entries = [...this.#entries.values()];
    for (const isNested of [false, true]) {
      for (const entry of entries.filter(({ message }) => (message.parent !== undefined) === isNested)) {
        const full = typeOf(entry.message);
        const short = (full.replace(/Request$/, '') || full).replaceAll('_', '');
        entry.name = claim(taken, ...(entry.changes ? [`${short}ChangesDto`] : [`${short}Dto`, `${full}Dto`]));
      }
    }
  }

  #stemOf(file) {
    const known = this.#stems.get(file.name);
    if (known) return known;
    const stem = dtoStemOf(file, new Set(this.#stems.values()));
    this.#stems.set(file.name, stem);
    return stem;
  }

  #sorted(entries) {
    const sorted = new Set();
    const seen = new Set();
    const visit = (entry) => {
      if (seen.has(entry) || !entries.includes(entry)) return;
      seen.add(entry);
      for (const field of this.inputFields(entry.message)) {
        const used = this.ofField(field, entry);
        if (used && contentOf(field).kind === 'single') visit(used);
      }
      sorted.add(entry);
    };
    for (const entry of entries) visit(entry);
    return [...sorted];
  }
}

function hasClass(message) {
  if (message === undefined || nativeOf(message)) return false;
  return !message.file.name.startsWith('google/') || RULED.has(message.typeName);
}

/** The field with the resource that an update mask is about, when the message is such a request. */
function resourceOf(message) {
  if (!message.fields.some(({ name, message: type }) => name === 'update_mask' && nativeOf(type) === 'FieldMask'))
    return;
  const resources = message.fields.filter((field) => field.fieldKind === 'message' && hasClass(field.message));
  return resources.length === 1 ? resources[0] : undefined;
}

const changesKey = (message) => `${message.typeName} changes`;
const below = (paths, name) =>
  paths.filter((path) => path.startsWith(`${name}.`)).map((path) => path.slice(name.length + 1));
