import { basename, dirname } from 'node:path';
import casing from 'ts-proto/build/src/case.js';

const { snakeToCamel, uncapitalize } = casing;

/** Names of types that ts-proto leaves to JavaScript. */
const RENAMED = new Set(['Date', 'Function']);

/** A property of a message, as ts-proto calls it. */
export function propertyOf({ name }) {
  return name.includes('_') ? snakeToCamel(name) : name;
}

/** A method of a service, as ts-proto calls it. */
export function methodOf({ name }) {
  return uncapitalize(name);
}

/** A message or an enum, as ts-proto calls it: `Payment_Line` when it is nested. */
export function typeOf(type) {
  const parts = [];
  for (let at = type; at !== undefined; at = at.parent) parts.unshift(propertyOf(at));
  const name = parts.join('_');
  return RENAMED.has(name) ? `${name}Message` : name;
}

/** The module that has the types of a proto's package. */
export function contractsOf({ file }) {
  return `@rookery/contracts/${dirname(file.name)}`;
}

/** `PaymentRefunds` as part of a file's name. */
export function kebab(name) {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .replaceAll(/[_.]/g, '-')
    .toLowerCase();
}

/** What the classes and files of a service are named after: `Payment` for `PaymentService`. */
export function stemOf({ name }) {
  return name.replace(/Service$/, '') || name;
}

/** Where the DTOs of a proto's messages are, less `.dto.ts`: `money` for google/type/money.proto. */
export function dtoStemOf({ name }, taken) {
  const short = kebab(basename(name));
  return taken.has(short) ? kebab(name.replaceAll('/', '-')) : short;
}

/** The first of the names that is not taken, which is then. */
export function claim(taken, ...names) {
  let name = names.find((candidate) => !taken.has(candidate));
  for (let number = 2; name === undefined; number += 1) {
    if (!taken.has(`${names[0]}${number}`)) name = `${names[0]}${number}`;
  }
  taken.add(name);
  return name;
}
