import { type JsonObject, type JsonValue, type Registry, fromJson } from '@bufbuild/protobuf';
import { type FieldViolation } from '@rookery/errors';
import { type FieldPath, FieldPathError, resolveFieldPath } from '../descriptors/field-path.js';
import { type RestBinding } from '../descriptors/rest-binding.js';
import { protojsonReason } from './json-violations.js';
import { TextValueError, jsonOfText } from './text-value.js';

/**
 * The part of the request that the query gives, as protojson, by the rules of google/api/http.proto: every field that is
 * neither in the path nor in the body is a parameter; `a.b=1` is field b of message a; a repeated field is repeated.
 * @param query without the question mark
 * @param violations receives what is wrong
 */
export function bindQuery(
  binding: RestBinding,
  query: string,
  types: Registry,
  violations: FieldViolation[],
): JsonObject {
  const json: JsonObject = {};
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(equals === -1 ? pair : pair.slice(0, equals));
    const text = decode(equals === -1 ? '' : pair.slice(equals + 1));
    if (name === undefined || text === undefined) {
      violations.push({ field: name ?? pair, description: 'has a broken percent-encoding' });
      continue;
    }
    const problem = bindParameter(binding, json, name, text, types);
    if (problem) violations.push({ field: name, description: problem });
  }
  return json;
}

/** @returns what is wrong with the parameter, if anything */
function bindParameter(
  binding: RestBinding,
  json: JsonObject,
  name: string,
  text: string,
  types: Registry,
): string | undefined {
  try {
    const path = resolveFieldPath(binding.method.input, name);
    if (binding.body === 'request') return 'is given by the body, which holds the whole request';
    if (binding.body && path.fields[0] === binding.body) return 'is given by the body';
    if (binding.pathFields.some(({ protoName }) => protoName === path.protoName)) return 'is given by the path';
    return setText(binding, json, path, text, types);
  } catch (error) {
    if (error instanceof FieldPathError) return error.message;
    throw error;
  }
}

/**
 * Writes the value that `text` stands for into `json`, the protojson of the request.
 * @returns why it is none, if so
 */
export function setText(
  { method }: RestBinding,
  json: JsonObject,
  { fields, leaf }: FieldPath,
  text: string,
  types: Registry,
): string | undefined {
  const repeated = leaf.fieldKind === 'list';
  try {
    const value = jsonOfText(leaf, text);
    const alone = fields.reduceRight<JsonValue>(
      (inner, { jsonName }) => ({ [jsonName]: inner }),
      repeated ? [value] : value,
    );
    fromJson(method.input, alone, { registry: types });

    const parent = fields.slice(0, -1).reduce((at, { jsonName }) => (at[jsonName] ??= {}) as JsonObject, json);
    const present = parent[leaf.jsonName];
    if (repeated) parent[leaf.jsonName] = [...((present as JsonValue[] | undefined) ?? []), value];
    else if (present !== undefined) return 'is given twice';
    else parent[leaf.jsonName] = value;
    const rival = leaf.oneof?.fields.find((other) => other !== leaf && parent[other.jsonName] !== undefined);
    return rival ? `cannot be given together with ${rival.jsonName}` : undefined;
  } catch (error) {
    if (error instanceof TextValueError) return error.message;
    return protojsonReason(error);
  }
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
