import { createHash } from 'node:crypto';

/** Long enough that no two schemas of one message meet, short enough for a key. */
const LENGTH = 10;

/**
 * A fingerprint of each message's schema: of its fields and of those of every message and enum that they reach. What is
 * stored under a key with the fingerprint is only ever decoded by the schema that it was written with.
 * @param {import('@bufbuild/protobuf').FileRegistry} registry
 * @returns {Record<string, string>} by the message's full name
 */
export function messageFingerprints(registry) {
  const fingerprints = {};
  for (const type of registry) if (type.kind === 'message') fingerprints[type.typeName] = fingerprintOf(type);
  return fingerprints;
}

function fingerprintOf(message) {
  const reached = new Map();
  describe(message, reached);
  const lines = [...reached.values()].sort().join('\n');
  // The root's name says which of the messages it is: those of a cycle reach the same ones.
  return createHash('sha256').update(`${message.typeName}\n${lines}`).digest('base64url').slice(0, LENGTH);
}

function describe(type, reached) {
  if (reached.has(type.typeName)) return;
  reached.set(type.typeName, '');
  const parts =
    type.kind === 'enum' ? type.values.map(({ number, name }) => `${number} ${name}`) : type.fields.map(lineOf);
  reached.set(type.typeName, `${type.typeName}{${parts.sort().join(';')}}`);
  if (type.kind !== 'message') return;
  for (const { message, enum: values } of type.fields) {
    if (message) describe(message, reached);
    if (values) describe(values, reached);
  }
}

function lineOf(field) {
  const { number, name, fieldKind, scalar, presence, oneof, delimitedEncoding, packed } = field;
  const types = [field.listKind, field.mapKind, field.mapKey, scalar, field.message?.typeName, field.enum?.typeName];
  return [number, name, fieldKind, ...types, presence, oneof?.name, delimitedEncoding, packed].join(' ');
}
