import { type DescField, type DescMessage } from '@bufbuild/protobuf';
import { type Annotations, FieldBehavior } from '../descriptors/annotations.js';
import { fieldPathOf } from '../descriptors/field-path.js';
import { type RestBinding, objectIn } from '../descriptors/rest-binding.js';
import { updateMaskField } from '../rest/field-mask.js';
import { isTextField } from '../rest/text-value.js';
import { type Schemas } from './schemas.js';
import { type Parameter } from './types.js';

/** The query parameters of a binding: every field that its path and its body leave, nested ones with dots. */
export function queryParameters(binding: RestBinding, schemas: Schemas, annotations: Annotations): Parameter[] {
  const { body, method } = binding;
  if (body === 'request') return [];
  const inPath = new Set(binding.pathFields.map(({ protoName }) => protoName));
  const mask = updateMaskField(binding);
  return leaves(method.input, [], new Set())
    .filter(({ fields, protoName }) => fields[0] !== body && !inPath.has(protoName))
    .filter(({ leaf }) => !annotations.behaves(leaf, FieldBehavior.OUTPUT_ONLY))
    .map(({ fields, leaf, jsonName }) => {
      const { description, ...schema } = schemas.ofField(leaf);
      const parameter: Parameter = { name: jsonName, in: 'query', schema };
      const derived = leaf === mask ? 'Default: the fields that the body has.' : undefined;
      const text = [description, derived].filter(Boolean).join('\n');
      if (text !== '') parameter.description = text;
      if (fields.every((field) => annotations.behaves(field, FieldBehavior.REQUIRED))) parameter.required = true;
      return parameter;
    });
}

/** Every field that a query can hold; a message within itself is followed once. */
function leaves(message: DescMessage, prefix: readonly DescField[], above: ReadonlySet<DescMessage>) {
  return message.fields.flatMap((field): ReturnType<typeof fieldPathOf>[] => {
    const fields = [...prefix, field];
    if (isTextField(field)) return [fieldPathOf(fields)];
    const inner = objectIn(field);
    return inner && !above.has(inner) && inner !== message ? leaves(inner, fields, new Set([...above, message])) : [];
  });
}
