import { type JsonObject, type Message, create, isFieldSet, mergeFromJson } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { FieldMaskSchema } from '@bufbuild/protobuf/wkt';
import { type FieldViolation, InvalidArgument } from '@rookery/errors';
import { type ApiRegistry } from '../descriptors/registry.js';
import { type RestBinding } from '../descriptors/rest-binding.js';
import { maskOfBody, updateMaskField } from './field-mask.js';
import { bindQuery, setText } from './query-binding.js';
import { type ParsedBody, parseBody } from './request-body.js';

/** The parts of an HTTP request that make an RPC's request. */
export interface RequestParts {
  /** The values of the path's variables, decoded. */
  readonly values: readonly string[];
  /** Without the question mark. */
  readonly query: string;
  readonly body: Uint8Array | undefined;
}

/**
 * The RPC's request. The path wins over the body; the query may name nothing that either of them gives.
 * @throws {InvalidArgument} with the fields that are wrong
 */
export function bindRequest(api: ApiRegistry, binding: RestBinding, { values, query, body }: RequestParts): Message {
  const { types } = api;
  const violations: FieldViolation[] = [];
  const fromQuery = bindQuery(binding, query, types, violations);
  const fromPath: JsonObject = {};
  binding.pathFields.forEach((path, index) => {
    const problem = setText(binding, fromPath, path, values[index] ?? '', types);
    if (problem) violations.push({ field: path.protoName, description: problem });
  });
  if (violations.length > 0) {
    const names = violations.map(({ field }) => field).join(', ');
    throw new InvalidArgument(`The URL has unusable values: ${names}.`, { reason: 'INVALID_PARAMETER', violations });
  }

  const parsed = parseBody(binding, body, types);
  const { input } = binding.method;
  mergeFromJson(input, parsed.message, fromQuery, { registry: types });
  deriveMask(api, binding, parsed);
  return mergeFromJson(input, parsed.message, fromPath, { registry: types });
}

/** Sets `update_mask` from the body's keys, unless the caller gave one. */
function deriveMask({ annotations }: ApiRegistry, binding: RestBinding, { message, json }: ParsedBody): void {
  const field = updateMaskField(binding);
  if (field?.fieldKind !== 'message' || isFieldSet(message, field)) return;
  const paths = maskOfBody(binding, json, annotations);
  if (paths.length === 0) return;
  const mask = create(FieldMaskSchema, { paths });
  reflect(binding.method.input, message).set(field, reflect(field.message, mask));
}
