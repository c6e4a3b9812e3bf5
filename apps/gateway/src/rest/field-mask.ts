import { type DescField, type DescMessage, type JsonValue } from '@bufbuild/protobuf';
import { type Annotations, FieldBehavior } from '../descriptors/annotations.js';
import { type RestBinding, objectIn } from '../descriptors/rest-binding.js';

/** The request's `google.protobuf.FieldMask update_mask`, when a PATCH has one that its body could give. */
export function updateMaskField({ verb, body, method }: RestBinding): DescField | undefined {
  if (verb !== 'PATCH' || body === undefined || body === 'request' || !objectIn(body)) return undefined;
  return method.input.fields.find(
    ({ name, fieldKind, message }) =>
      name === 'update_mask' && fieldKind === 'message' && message.typeName === 'google.protobuf.FieldMask',
  );
}

/**
 * The mask that a PATCH means by the keys of its body: paths with proto names, `a.b` for a key of a nested object. A list
 * or a map is replaced as a whole, `null` clears. What the caller cannot change (OUTPUT_ONLY, IDENTIFIER, the fields of
 * the path) is left out, so that the answer of a GET may be edited and sent back.
 */
export function maskOfBody(binding: RestBinding, json: JsonValue | undefined, annotations: Annotations): string[] {
  const { body } = binding;
  if (body === undefined || body === 'request') return [];
  const message = objectIn(body);
  const inPath = new Set(binding.pathFields.map(({ protoName }) => protoName));
  return message ? pathsIn(message, json, annotations, (path) => inPath.has(`${body.name}.${path}`), '') : [];
}

function pathsIn(
  message: DescMessage,
  json: JsonValue | undefined,
  annotations: Annotations,
  isInPath: (path: string) => boolean,
  prefix: string,
): string[] {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return [];
  return Object.entries(json).flatMap(([key, value]) => {
    const field = message.fields.find(({ name, jsonName }) => name === key || jsonName === key);
    if (!field || fixed(field, annotations) || isInPath(prefix + field.name)) return [];
    const inner = objectIn(field);
    const nested = inner ? pathsIn(inner, value, annotations, isInPath, `${prefix}${field.name}.`) : [];
    return nested.length > 0 ? nested : [prefix + field.name];
  });
}

function fixed(field: DescField, annotations: Annotations): boolean {
  return annotations.behaves(field, FieldBehavior.OUTPUT_ONLY) || annotations.behaves(field, FieldBehavior.IDENTIFIER);
}
