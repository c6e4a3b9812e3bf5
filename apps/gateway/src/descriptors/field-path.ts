import { type DescField, type DescMessage } from '@bufbuild/protobuf';
import { hasTextForm } from './json-form.js';

/** A field of a message or of a message within it, such as `user.id`. */
export interface FieldPath {
  /** From the outermost to the one meant. */
  readonly fields: readonly DescField[];
  /** The one meant. */
  readonly leaf: DescField;
  /** With proto names: `user.create_time`. */
  readonly protoName: string;
  /** With JSON names: `user.createTime`. */
  readonly jsonName: string;
}

/** Why there is no such field, as the end of a sentence. */
export class FieldPathError extends Error {}

/** The path of `fields`, each being a field of the message before it. */
export function fieldPathOf(fields: readonly DescField[]): FieldPath {
  const leaf = fields.at(-1);
  if (!leaf) throw new FieldPathError('names no field');
  return {
    fields,
    leaf,
    protoName: fields.map(({ name }) => name).join('.'),
    jsonName: fields.map(({ jsonName }) => jsonName).join('.'),
  };
}

/**
 * Finds a field by its dotted path; each part may be the field's proto name or its JSON name.
 * @throws {FieldPathError}
 */
export function resolveFieldPath(message: DescMessage, path: string): FieldPath {
  const fields: DescField[] = [];
  let at: DescMessage | undefined = message;
  for (const name of path.split('.')) {
    if (!at) throw new FieldPathError(`goes through ${fields.at(-1)?.name}, which has no fields to name`);
    const field: DescField | undefined = at.fields.find(
      (candidate) => candidate.name === name || candidate.jsonName === name,
    );
    if (!field) throw new FieldPathError(`is not a field of ${at.typeName}`);
    fields.push(field);
    at = field.fieldKind === 'message' && !hasTextForm(field.message) ? field.message : undefined;
  }
  return fieldPathOf(fields);
}
