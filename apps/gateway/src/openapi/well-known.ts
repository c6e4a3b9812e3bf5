import { type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { isWrapperDesc } from '@bufbuild/protobuf/wkt';
import { type Schema } from './types.js';

/** How protojson writes each scalar: 64-bit integers as text, bytes in base64. */
const SCALARS: Readonly<Record<ScalarType, Schema>> = {
  [ScalarType.BOOL]: { type: 'boolean' },
  [ScalarType.STRING]: { type: 'string' },
  [ScalarType.BYTES]: { type: 'string', format: 'byte', contentEncoding: 'base64' },
  [ScalarType.DOUBLE]: { type: 'number', format: 'double' },
  [ScalarType.FLOAT]: { type: 'number', format: 'float' },
  [ScalarType.INT32]: { type: 'integer', format: 'int32' },
  [ScalarType.SINT32]: { type: 'integer', format: 'int32' },
  [ScalarType.SFIXED32]: { type: 'integer', format: 'int32' },
  [ScalarType.UINT32]: { type: 'integer', format: 'int64', minimum: 0, maximum: 4_294_967_295 },
  [ScalarType.FIXED32]: { type: 'integer', format: 'int64', minimum: 0, maximum: 4_294_967_295 },
  [ScalarType.INT64]: { type: 'string', format: 'int64' },
  [ScalarType.SINT64]: { type: 'string', format: 'int64' },
  [ScalarType.SFIXED64]: { type: 'string', format: 'int64' },
  [ScalarType.UINT64]: { type: 'string', format: 'uint64' },
  [ScalarType.FIXED64]: { type: 'string', format: 'uint64' },
};

const MESSAGES: Readonly<Record<string, Schema>> = {
  'google.protobuf.Timestamp': { type: 'string', format: 'date-time' },
  'google.protobuf.Duration': { type: 'string', pattern: '^-?\\d+(\\.\\d{1,9})?s$', examples: ['3.5s'] },
  'google.protobuf.FieldMask': { type: 'string', examples: ['name,address.city'] },
  'google.protobuf.Empty': { type: 'object', maxProperties: 0 },
  'google.protobuf.Struct': { type: 'object', additionalProperties: true },
  'google.protobuf.Value': {},
  'google.protobuf.ListValue': { type: 'array', items: {} },
  'google.protobuf.Any': {
    type: 'object',
    properties: { '@type': { type: 'string', description: 'The URL of the type of what it holds.' } },
    required: ['@type'],
    additionalProperties: true,
  },
};

export function scalarSchema(type: ScalarType): Schema {
  return { ...SCALARS[type] };
}

/** The schema of a message that protojson writes in a form of its own, or undefined for the others. */
export function wellKnownSchema(message: DescMessage): Schema | undefined {
  const [value] = message.fields;
  if (isWrapperDesc(message) && value?.fieldKind === 'scalar') {
    const schema = scalarSchema(value.scalar);
    return { ...schema, type: [String(schema.type), 'null'] };
  }
  const known = MESSAGES[message.typeName];
  return known && { ...known };
}
